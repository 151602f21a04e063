import { closestName } from "#core/closest-name.ts";
import { findCycles } from "#core/cycles.ts";
import type { Graph } from "#core/graph.ts";
import { isAcyclic } from "#core/is-acyclic.ts";
import { EngineError, type GraphProblem } from "./engine-error.ts";
import type { RegisteredTask } from "./registered-task.ts";

/** More are counted, not listed. */
const maxProblems = 100;

/** Names looked at for proposals, in one build: a graph of a million tasks that names a million others must still fail soon. */
const maxProposalLooks = 2_000_000;

/** Gathers all that is wrong with a graph, so that one error can say it. */
export class GraphProblems {
  readonly #tasks: readonly RegisteredTask[];
  readonly #places: ReadonlyMap<string, number>;
  readonly #listed: GraphProblem[] = [];
  #count = 0;
  #looks = 0;

  constructor(tasks: readonly RegisteredTask[], places: ReadonlyMap<string, number>) {
    this.#tasks = tasks;
    this.#places = places;
  }

  addUnknown(task: RegisteredTask, name: string): void {
    this.#add("UNKNOWN_TASK", task.id, () => {
      const meant = this.#propose(name);
      const remedy = meant === null ? "register it, or remove the dependency" : `did you mean "${meant}"?`;
      return `task "${task.id}" depends on "${name}", which is not registered; ${remedy}`;
    });
  }

  addSelf({ id }: RegisteredTask): void {
    this.#add("SELF_DEPENDENCY", id, () => `task "${id}" depends on itself: "${id}" → "${id}"; remove that dependency`);
  }

  /** Finds the parents that are named more than once. */
  addRepeated({ id }: RegisteredTask, parents: readonly { readonly task: number }[]): void {
    const places = parents.map(({ task }) => task);
    if (new Set(places).size === places.length) return;
    const repeated = new Set(places.filter((place, index) => places.indexOf(place) !== index));
    for (const place of repeated) {
      const name = this.#nameOf(place);
      this.#add("DUPLICATE_EDGE", id, () => `task "${id}" depends on "${name}" more than once; name it once`);
    }
  }

  addRuleWithoutParents({ id, extras }: RegisteredTask): void {
    this.#add("RULE_NEEDS_PARENTS", id, () => {
      const rule = extras.triggerRule;
      return `task "${id}" has the trigger rule ${rule} but no dependencies; give it some, or another rule`;
    });
  }

  addCycles(graph: Graph): void {
    if (isAcyclic(graph)) return;
    for (const cycle of findCycles(graph)) {
      const path = [...cycle, cycle[0] ?? 0].map((place) => `"${this.#nameOf(place)}"`).join(" → ");
      const first = this.#nameOf(cycle[0] ?? 0);
      this.#add("CYCLE", first, () => `tasks wait for each other: ${path}; remove one of these dependencies`);
    }
  }

  throwIfAny(): void {
    if (this.#count === 0) return;
    const lines = this.#listed.map(({ code, message }) => `${code}: ${message}`);
    const more = this.#count - this.#listed.length;
    if (more > 0) lines.push(`and ${more} more`);
    const title = this.#count === 1 ? "the graph has a problem" : `the graph has ${this.#count} problems`;
    throw new EngineError("INVALID_GRAPH", `${title}:\n- ${lines.join("\n- ")}`, { problems: this.#listed });
  }

  #add(code: GraphProblem["code"], task: string, describe: () => string): void {
    this.#count += 1;
    if (this.#listed.length < maxProblems) this.#listed.push({ code, task, message: describe() });
  }

  #propose(name: string): string | null {
    if (this.#looks > maxProposalLooks) return null;
    this.#looks += this.#places.size;
    return closestName(name, this.#places.keys());
  }

  #nameOf(place: number): string {
    return this.#tasks[place]?.id ?? "?";
  }
}
