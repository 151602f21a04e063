/** A graph to run: `layers[i]` tasks in layer i, numbered in that order; the last layer is one task that ends it. */
export interface GraphShape {
  readonly name: ShapeName;
  readonly size: number;
  readonly layers: readonly number[];
  readonly parents: readonly (readonly number[])[];
}

export type ShapeName = "chain" | "fan" | "layers";

export const shapeNames: readonly ShapeName[] = ["chain", "fan", "layers"];

/** Of the tasks in a layer of ten, each depends on three of the layer before. */
const layerWidth = 10;
const layerFanIn = 3;

export function createShape(name: ShapeName, size: number): GraphShape {
  const layers = layersOf(name, size);
  const parents: (readonly number[])[] = [];
  let above: readonly number[] = [];
  for (const width of layers) {
    const first = parents.length;
    for (let place = 0; place < width; place += 1) parents.push(chooseParents(above, width, place));
    above = Array.from({ length: width }, (_, place) => first + place);
  }
  return { name, size, layers, parents };
}

function layersOf(name: ShapeName, size: number): readonly number[] {
  switch (name) {
    case "chain":
      return Array.from({ length: size }, () => 1);
    case "fan":
      return [1, size - 2, 1];
    case "layers": {
      const full = Math.floor((size - 1) / layerWidth);
      const rest = size - 1 - full * layerWidth;
      return [...(rest > 0 ? [rest] : []), ...Array.from({ length: full }, () => layerWidth), 1];
    }
  }
}

/** All of a layer that is narrow or leads to a single task, else some of it. */
function chooseParents(above: readonly number[], width: number, place: number): readonly number[] {
  if (above.length <= layerFanIn || width === 1) return above;
  return Array.from({ length: layerFanIn }, (_, step) => above[(place + step) % above.length] ?? 0);
}
