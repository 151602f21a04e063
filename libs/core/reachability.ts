import { childEdges, type Graph, parentEdges } from "./graph.ts";

/** These tasks and everything below them. */
export function withDescendants(graph: Graph, tasks: Iterable<number>): Set<number> {
  const found = new Set<number>(tasks);
  for (const task of found) {
    for (const child of childEdges(graph, task)) found.add(child.task);
  }
  return found;
}

/** Everything above a task, itself not included. */
export function ancestorsOf(graph: Graph, task: number): Set<number> {
  const found = new Set<number>();
  const queue = [task];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    for (const parent of parentEdges(graph, next)) {
      if (!found.has(parent.task)) {
        found.add(parent.task);
        queue.push(parent.task);
      }
    }
  }
  return found;
}
