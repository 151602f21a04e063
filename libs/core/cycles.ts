import type { Graph } from "./graph.ts";
import { findStrongComponents } from "./strong-components.ts";

/** More cycles than this are not listed: the number of cycles of a dense graph is beyond use. */
const maxCycles = 100;

/** Edges followed before the search gives up; a listed cycle costs at most one pass over its part of the graph. */
const maxSteps = 5_000_000;

/**
 * Every elementary cycle, up to 100, each as the list of its tasks in edge direction from its smallest task, in
 * ascending order. Beyond 100, parts of the graph that have nothing to do with each other get equal shares. Johnson's
 * algorithm (1975) within strong components, without recursion: a cycle may be as long as the graph is large.
 */
export function findCycles(graph: Graph): readonly (readonly number[])[] {
  const budget: Budget = { steps: maxSteps };
  const everything = new Set(Array.from({ length: graph.size }, (_, task) => task));
  let sources = findStrongComponents(graph, everything).map((component) => cyclesOf(graph, component, budget));
  const cycles: (readonly number[])[] = [];
  while (sources.length > 0 && cycles.length < maxCycles) {
    sources = sources.filter((source) => {
      if (cycles.length >= maxCycles) return false;
      const next = source.next();
      if (next.done !== true) cycles.push(next.value);
      return next.done !== true;
    });
  }
  return cycles.sort(compareTasks);
}

interface Budget {
  steps: number;
}

/** The cycles of one component: those through its smallest task, then those of what is left without it. */
function* cyclesOf(graph: Graph, component: readonly number[], budget: Budget): Generator<readonly number[], void> {
  const open = [component];
  for (let next = open.pop(); next !== undefined && budget.steps > 0; next = open.pop()) {
    const members = new Set(next);
    const start = next.reduce((smallest, task) => Math.min(smallest, task));
    yield* cyclesThrough(graph, start, members, budget);
    members.delete(start);
    open.push(...findStrongComponents(graph, members));
  }
}

/** The cycles through `start` inside `members`; a task that led nowhere is not tried again until something below it is free. */
function* cyclesThrough(
  graph: Graph,
  start: number,
  members: ReadonlySet<number>,
  budget: Budget,
): Generator<readonly number[], void> {
  const path = [start];
  const nextPlace = [graph.childStart[start] ?? 0];
  const blocked = new Uint8Array(graph.size);
  const blockedBy = new Map<number, Set<number>>();
  const closesCycle = new Uint8Array(graph.size);
  blocked[start] = 1;
  for (let task = path.at(-1); task !== undefined; task = path.at(-1)) {
    const depth = path.length - 1;
    const place = nextPlace[depth] ?? 0;
    if (place < (graph.childStart[task + 1] ?? 0)) {
      nextPlace[depth] = place + 1;
      budget.steps -= 1;
      if (budget.steps <= 0) return;
      const child = graph.children[place] ?? 0;
      if (!members.has(child) || isRepeated(graph, task, place)) continue;
      if (child === start) {
        closesCycle[task] = 1;
        yield [...path];
      } else if (blocked[child] === 0) {
        blocked[child] = 1;
        closesCycle[child] = 0;
        path.push(child);
        nextPlace.push(graph.childStart[child] ?? 0);
      }
      continue;
    }
    path.pop();
    nextPlace.pop();
    const above = path.at(-1);
    if (closesCycle[task] === 0) blockUntilFree(graph, task, members, blockedBy);
    else {
      unblock(task, blocked, blockedBy);
      if (above !== undefined) closesCycle[above] = 1;
    }
  }
}

/** A broken definition may name an edge twice; equal children stand side by side. */
function isRepeated(graph: Graph, task: number, place: number): boolean {
  return place > (graph.childStart[task] ?? 0) && graph.children[place] === graph.children[place - 1];
}

function blockUntilFree(
  graph: Graph,
  task: number,
  members: ReadonlySet<number>,
  blockedBy: Map<number, Set<number>>,
): void {
  for (const child of graph.children.subarray(graph.childStart[task] ?? 0, graph.childStart[task + 1] ?? 0)) {
    if (!members.has(child)) continue;
    const waiting = blockedBy.get(child);
    if (waiting === undefined) blockedBy.set(child, new Set([task]));
    else waiting.add(task);
  }
}

function unblock(task: number, blocked: Uint8Array, blockedBy: Map<number, Set<number>>): void {
  const open = [task];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (blocked[next] === 0) continue;
    blocked[next] = 0;
    open.push(...(blockedBy.get(next) ?? []));
    blockedBy.delete(next);
  }
}

function compareTasks(a: readonly number[], b: readonly number[]): number {
  const place = a.findIndex((task, index) => task !== b[index]);
  return place === -1 ? a.length - b.length : (a[place] ?? 0) - (b[place] ?? -1);
}
