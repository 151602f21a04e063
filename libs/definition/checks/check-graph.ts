import { closestName } from "#core/closest-name.ts";
import { findCycles } from "#core/cycles.ts";
import { buildGraph, type EdgeCondition, type Graph } from "#core/graph.ts";
import type { EdgeOutline, Report, TaskOutline } from "../outline.ts";
import { type Path, proposal } from "../problem-list.ts";

export interface ParentEdge {
  /** Place of the parent in the list of tasks. */
  readonly task: number;
  readonly on: EdgeCondition;
}

/** The edges that could be resolved. */
export interface TaskGraph {
  readonly graph: Graph;
  readonly parents: readonly (readonly ParentEdge[])[];
  readonly places: ReadonlyMap<string, number>;
}

/** Resolves the edges from both ends, and reports unknown and repeated ones, those to itself, and every cycle. */
export function checkGraph(tasks: readonly TaskOutline[], report: Report): TaskGraph {
  const places = new Map<string, number>();
  tasks.forEach((task, place) => {
    if (task.id !== null && !places.has(task.id)) places.set(task.id, place);
  });
  const edges = new EdgeSet(tasks, report);
  tasks.forEach((task, place) => {
    for (const edge of resolve(task, task.dependencies, places, report)) {
      edges.add({ parent: edge.other, child: place, on: edge.on, path: edge.path, end: "dependencies" });
    }
  });
  tasks.forEach((task, place) => {
    for (const edge of resolve(task, task.downstream, places, report)) {
      edges.add({ parent: place, child: edge.other, on: edge.on, path: edge.path, end: "downstream" });
    }
  });
  const graph = buildGraph(edges.parents.map((parents) => ({ parents })));
  for (const cycle of findCycles(graph)) reportCycle(cycle, tasks, edges, report);
  return { graph, parents: edges.parents, places };
}

interface Edge extends ParentEdgeEnds {
  readonly on: EdgeCondition;
  readonly path: Path;
  readonly end: "dependencies" | "downstream";
}

interface ParentEdgeEnds {
  readonly parent: number;
  readonly child: number;
}

class EdgeSet {
  readonly parents: ParentEdge[][];
  readonly #known = new Map<number, Edge>();
  readonly #tasks: readonly TaskOutline[];
  readonly #report: Report;

  constructor(tasks: readonly TaskOutline[], report: Report) {
    this.parents = tasks.map(() => []);
    this.#tasks = tasks;
    this.#report = report;
  }

  /** Each end may name an edge once, and both must agree on it. */
  add(edge: Edge): void {
    const key = edge.parent * this.#tasks.length + edge.child;
    const known = this.#known.get(key);
    if (known === undefined) {
      this.#known.set(key, edge);
      this.parents[edge.child]?.push({ task: edge.parent, on: edge.on });
      return;
    }
    const arrow = `${this.#name(edge.parent)} → ${this.#name(edge.child)}`;
    if (known.end === edge.end) {
      this.#report(edge.path, {
        code: "DUPLICATE_EDGE",
        message: `the edge ${arrow} is declared twice`,
        hint: "remove one of the two",
      });
    } else if (known.on !== edge.on) {
      const message = `the edge ${arrow} is declared \`on: ${known.on}\` by the one end and \`on: ${edge.on}\` by the other`;
      this.#report(edge.path, { code: "DUPLICATE_EDGE", message, hint: "declare it once" });
    }
  }

  pathOf({ parent, child }: ParentEdgeEnds): Path {
    return this.#known.get(parent * this.#tasks.length + child)?.path ?? [];
  }

  #name(place: number): string {
    return this.#tasks[place]?.id ?? "?";
  }
}

function* resolve(
  task: TaskOutline,
  edges: readonly EdgeOutline[],
  places: ReadonlyMap<string, number>,
  report: Report,
): Generator<{ other: number; on: EdgeCondition; path: Path }> {
  for (const edge of edges) {
    if (edge.task === task.id) {
      report(edge.path, { code: "SELF_DEPENDENCY", message: `the task \`${edge.task}\` depends on itself` });
      continue;
    }
    const other = places.get(edge.task);
    if (other !== undefined) yield { other, on: edge.on, path: edge.path };
    else report(edge.path, unknownTask(edge.task, places.keys()));
  }
}

/** The finding for a name that no task has; case matters. */
export function unknownTask(name: string, known: Iterable<string>): { code: string; message: string; hint: string } {
  return { code: "UNKNOWN_TASK", message: `there is no task \`${name}\``, hint: proposal(closestName(name, known)) };
}

function reportCycle(cycle: readonly number[], tasks: readonly TaskOutline[], edges: EdgeSet, report: Report): void {
  const first = cycle[0] ?? 0;
  const names = [...cycle, first].map((place) => tasks[place]?.id ?? "?");
  const path = edges.pathOf({ parent: cycle.at(-1) ?? first, child: first });
  report(path, {
    code: "CYCLE",
    message: `tasks wait for each other: ${names.join(" → ")}`,
    hint: "remove one of these dependencies",
  });
}
