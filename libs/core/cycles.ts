import { computeLayers, type Graph } from "./graph.ts";

/** More cycles than this are not listed: the number of cycles of a dense graph is beyond use. */
const maxCycles = 100;

/**
 * Cycles, each as the list of its tasks in edge direction, beginning at its smallest task; every task that lies on a
 * cycle is on a listed one, up to 100 cycles. One pass of depth-first search without recursion.
 */
export function findCycles(graph: Graph): readonly (readonly number[])[] {
  const onOrBehind = new Set(Array.from({ length: graph.size }, (_, task) => task));
  for (const layer of computeLayers(graph)) for (const task of layer) onOrBehind.delete(task);
  const cycles: number[][] = [];
  const seen = new Set<string>();
  const done = new Set<number>();
  for (const start of onOrBehind) {
    if (!done.has(start)) searchFrom(graph, start, done, (cycle) => {
      const turned = beginAtSmallest(cycle);
      const key = turned.join(" ");
      if (seen.has(key) || cycles.length >= maxCycles) return;
      seen.add(key);
      cycles.push(turned);
    });
  }
  return cycles;
}

function searchFrom(graph: Graph, start: number, done: Set<number>, report: (cycle: number[]) => void): void {
  const path = [start];
  const placeOnPath = new Map([[start, 0]]);
  const nextChild = [graph.childStart[start] ?? 0];
  while (path.length > 0) {
    const depth = path.length - 1;
    const task = path[depth] ?? 0;
    const place = nextChild[depth] ?? 0;
    if (place >= (graph.childStart[task + 1] ?? 0)) {
      path.pop();
      nextChild.pop();
      placeOnPath.delete(task);
      done.add(task);
      continue;
    }
    nextChild[depth] = place + 1;
    const child = graph.children[place] ?? 0;
    const backTo = placeOnPath.get(child);
    if (backTo !== undefined) {
      report(path.slice(backTo));
    } else if (!done.has(child)) {
      placeOnPath.set(child, path.length);
      path.push(child);
      nextChild.push(graph.childStart[child] ?? 0);
    }
  }
}

function beginAtSmallest(cycle: readonly number[]): number[] {
  const place = cycle.indexOf(cycle.reduce((smallest, task) => Math.min(smallest, task)));
  return [...cycle.slice(place), ...cycle.slice(0, place)];
}
