/** A graph of tasks to measure: `layers[i]` tasks in layer i, each after the whole layer before. */
export interface Shape {
  readonly name: string;
  readonly layers: readonly number[];
}

function chain(length: number): readonly number[] {
  return Array.from({ length }, () => 1);
}

export const shapes: readonly Shape[] = [
  { name: "one", layers: [1] },
  { name: "C40", layers: chain(40) },
  { name: "C200", layers: chain(200) },
  { name: "W1000", layers: [1, 1000, 1] },
  { name: "L10", layers: Array.from({ length: 10 }, () => 10) },
];

export function taskCount(shape: Shape): number {
  return shape.layers.reduce((sum, width) => sum + width, 0);
}

export function dagId(shape: Shape): string {
  return `bench_${shape.name}`;
}

/** The shape as a definition; `work` is what each task does. */
export function toDefinition(shape: Shape, work = "type: noop, operator: {}"): string {
  const lines = [`id: ${dagId(shape)}`, "tasks:"];
  shape.layers.forEach((width, layer) => {
    const before = shape.layers[layer - 1] ?? 0;
    const dependencies = Array.from({ length: before }, (_, place) => taskName(layer - 1, place));
    for (let place = 0; place < width; place += 1) {
      lines.push(`  - {id: ${taskName(layer, place)}, ${work}, dependencies: [${dependencies.join(", ")}]}`);
    }
  });
  return `${lines.join("\n")}\n`;
}

function taskName(layer: number, place: number): string {
  return `l${layer}_${place}`;
}
