import type { Graph } from "./graph.ts";

/**
 * The parts of a graph in which every task reaches every other and itself, looking only at `members`: each cycle lies
 * in one of them, and each of them holds one. Tarjan's algorithm without recursion, in the time of one pass.
 */
export function findStrongComponents(graph: Graph, members: ReadonlySet<number>): readonly (readonly number[])[] {
  const search: Search = {
    order: new Int32Array(graph.size),
    lowest: new Int32Array(graph.size),
    isOpen: new Uint8Array(graph.size),
    open: [],
    found: [],
    reached: 0,
  };
  for (const root of members) {
    if (search.order[root] === 0) visitFrom(graph, members, root, search);
  }
  return search.found.filter((component) => component.length > 1 || hasSelfEdge(graph, component[0] ?? 0));
}

interface Search {
  /** When a task was reached, from 1, and the earliest open one that is reached from below it. */
  readonly order: Int32Array;
  readonly lowest: Int32Array;
  /** Reached, and not yet in a component. */
  readonly isOpen: Uint8Array;
  readonly open: number[];
  readonly found: number[][];
  reached: number;
}

function visitFrom(graph: Graph, members: ReadonlySet<number>, root: number, search: Search): void {
  const path = [root];
  const nextPlace = [enter(graph, root, search)];
  for (let task = path.at(-1); task !== undefined; task = path.at(-1)) {
    const depth = path.length - 1;
    const place = nextPlace[depth] ?? 0;
    if (place < (graph.childStart[task + 1] ?? 0)) {
      nextPlace[depth] = place + 1;
      const child = graph.children[place] ?? 0;
      if (!members.has(child)) continue;
      if (search.order[child] === 0) {
        path.push(child);
        nextPlace.push(enter(graph, child, search));
      } else if (search.isOpen[child] === 1) {
        lower(search, task, search.order[child] ?? 0);
      }
      continue;
    }
    path.pop();
    nextPlace.pop();
    const above = path.at(-1);
    if (above !== undefined) lower(search, above, search.lowest[task] ?? 0);
    if (search.lowest[task] === search.order[task]) search.found.push(closeComponent(search, task));
  }
}

/** Marks a task as reached and says where its edges begin. */
function enter(graph: Graph, task: number, search: Search): number {
  search.reached += 1;
  search.order[task] = search.reached;
  search.lowest[task] = search.reached;
  search.open.push(task);
  search.isOpen[task] = 1;
  return graph.childStart[task] ?? 0;
}

function lower(search: Search, task: number, to: number): void {
  if (to < (search.lowest[task] ?? 0)) search.lowest[task] = to;
}

function closeComponent(search: Search, root: number): number[] {
  const component = search.open.splice(search.open.lastIndexOf(root));
  for (const task of component) search.isOpen[task] = 0;
  return component;
}

function hasSelfEdge(graph: Graph, task: number): boolean {
  return graph.children.subarray(graph.childStart[task] ?? 0, graph.childStart[task + 1] ?? 0).includes(task);
}
