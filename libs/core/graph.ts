/** How an edge lets its child see the parent's end: `success` as it is, `failure` and `completion` turned. */
export type EdgeCondition = "success" | "failure" | "completion";

export interface GraphNode {
  readonly parents: readonly { readonly task: number; readonly on: EdgeCondition }[];
}

/**
 * The edges of a definition in rows: the children of task t are `children[childStart[t] … childStart[t + 1] − 1]`,
 * with `conditions` beside them; the same for parents.
 */
export interface Graph {
  readonly size: number;
  readonly childStart: Int32Array;
  readonly children: Int32Array;
  readonly conditions: readonly EdgeCondition[];
  readonly parentStart: Int32Array;
  readonly parents: Int32Array;
  readonly parentConditions: readonly EdgeCondition[];
}

/** Lays out the edges. Cycles are allowed here; `findCycles` reports them. Parents must be places in `nodes`. */
export function buildGraph(nodes: readonly GraphNode[]): Graph {
  const size = nodes.length;
  const childStart = new Int32Array(size + 1);
  const parentStart = new Int32Array(size + 1);
  nodes.forEach((node, index) => {
    parentStart[index + 1] = (parentStart[index] ?? 0) + node.parents.length;
    for (const parent of node.parents) childStart[parent.task + 1] = (childStart[parent.task + 1] ?? 0) + 1;
  });
  for (let index = 0; index < size; index += 1) {
    childStart[index + 1] = (childStart[index + 1] ?? 0) + (childStart[index] ?? 0);
  }
  const edges = parentStart[size] ?? 0;
  const graph = {
    size,
    childStart,
    children: new Int32Array(edges),
    conditions: Array.from<EdgeCondition>({ length: edges }).fill("success"),
    parentStart,
    parents: new Int32Array(edges),
    parentConditions: Array.from<EdgeCondition>({ length: edges }).fill("success"),
  };
  const nextChild = childStart.slice();
  nodes.forEach((node, index) => {
    node.parents.forEach((parent, place) => {
      const childPlace = nextChild[parent.task] ?? 0;
      nextChild[parent.task] = childPlace + 1;
      graph.children[childPlace] = index;
      graph.conditions[childPlace] = parent.on;
      const parentPlace = (parentStart[index] ?? 0) + place;
      graph.parents[parentPlace] = parent.task;
      graph.parentConditions[parentPlace] = parent.on;
    });
  });
  return graph;
}

export function parentCount(graph: Graph, task: number): number {
  return (graph.parentStart[task + 1] ?? 0) - (graph.parentStart[task] ?? 0);
}

/** The children of a task, each with its edge's condition, in the order of definition. */
export function* childEdges(
  graph: Graph,
  task: number,
): Generator<{ readonly task: number; readonly on: EdgeCondition }> {
  const end = graph.childStart[task + 1] ?? 0;
  for (let place = graph.childStart[task] ?? 0; place < end; place += 1) {
    yield { task: graph.children[place] ?? 0, on: graph.conditions[place] ?? "success" };
  }
}

/** The parents of a task, each with its edge's condition, in the order of definition. */
export function* parentEdges(
  graph: Graph,
  task: number,
): Generator<{ readonly task: number; readonly on: EdgeCondition }> {
  const end = graph.parentStart[task + 1] ?? 0;
  for (let place = graph.parentStart[task] ?? 0; place < end; place += 1) {
    yield { task: graph.parents[place] ?? 0, on: graph.parentConditions[place] ?? "success" };
  }
}

/** Tasks in layers, each after all of its parents (Kahn). Tasks on or behind a cycle are in none. */
export function computeLayers(graph: Graph): readonly (readonly number[])[] {
  const waiting = Int32Array.from({ length: graph.size }, (_, task) => parentCount(graph, task));
  const layers: number[][] = [];
  let layer = [...waiting.keys()].filter((task) => waiting[task] === 0);
  while (layer.length > 0) {
    layers.push(layer);
    const next: number[] = [];
    for (const task of layer) {
      for (const child of childEdges(graph, task)) {
        const left = (waiting[child.task] ?? 0) - 1;
        waiting[child.task] = left;
        if (left === 0) next.push(child.task);
      }
    }
    layer = next;
  }
  return layers;
}
