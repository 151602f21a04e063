import type { Graph } from "./graph.ts";

/** Whether every task can come after all of its parents: one pass over the edges (Kahn), much cheaper than naming the cycles. */
export function isAcyclic(graph: Graph): boolean {
  const { size, childStart, children, parentStart } = graph;
  const waiting = new Int32Array(size);
  const order = new Int32Array(size);
  let found = 0;
  for (let task = 0; task < size; task += 1) {
    const parents = (parentStart[task + 1] ?? 0) - (parentStart[task] ?? 0);
    waiting[task] = parents;
    if (parents === 0) {
      order[found] = task;
      found += 1;
    }
  }
  for (let place = 0; place < found; place += 1) {
    const task = order[place] ?? 0;
    const end = childStart[task + 1] ?? 0;
    for (let edge = childStart[task] ?? 0; edge < end; edge += 1) {
      const child = children[edge] ?? 0;
      const left = (waiting[child] ?? 0) - 1;
      waiting[child] = left;
      if (left === 0) {
        order[found] = child;
        found += 1;
      }
    }
  }
  return found === size;
}
