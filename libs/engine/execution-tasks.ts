import { type EdgeCondition, parentCount } from "#core/graph.ts";
import type { EnginePlan } from "./engine-plan.ts";
import { dependencyCondition, type RegisteredTask } from "./registered-task.ts";

interface Edge {
  readonly task: number;
  readonly on: EdgeCondition;
}

/** A task that an execution got while it ran. */
export interface AddedTask {
  readonly task: RegisteredTask;
  /** The places of its dependencies, in the order of `dependsOn`. */
  readonly parents: readonly number[];
  /** Which task registered it, in which of its tries. */
  readonly owner: number;
  readonly tryNumber: number;
}

const noEdges: readonly Edge[] = [];

/** The tasks of one execution: those of its plan, and behind them those that it got while it ran. */
export class ExecutionTasks {
  readonly plan: EnginePlan;
  readonly #planned: number;
  readonly #added: AddedTask[] = [];
  readonly #addedPlaces = new Map<string, number>();
  readonly #addedChildren = new Map<number, Edge[]>();

  constructor(plan: EnginePlan) {
    this.plan = plan;
    this.#planned = plan.graph.size;
  }

  get size(): number {
    return this.#planned + this.#added.length;
  }

  at(index: number): RegisteredTask {
    const task = index < this.#planned ? this.plan.tasks[index] : this.addedAt(index)?.task;
    if (task === undefined) throw new RangeError(`there is no task ${index}`);
    return task;
  }

  /** Undefined for a task of the plan. */
  addedAt(index: number): AddedTask | undefined {
    return this.#added[index - this.#planned];
  }

  /** Undefined for what is no task of this execution, also when the engine has got it meanwhile. */
  placeOf(id: string): number | undefined {
    const place = this.plan.places.get(id);
    return place !== undefined && place < this.#planned ? place : this.#addedPlaces.get(id);
  }

  *ids(): Generator<string, undefined> {
    for (let index = 0; index < this.size; index += 1) yield this.at(index).id;
    return undefined;
  }

  isPlain(index: number): boolean {
    if (index < this.#planned) return this.plan.isPlain[index] === 1;
    return !this.plan.wrapsAll && this.at(index).isPlain;
  }

  parentCount(index: number): number {
    return index < this.#planned ? parentCount(this.plan.graph, index) : this.parents(index).length;
  }

  parents(index: number): readonly Edge[] {
    const added = this.addedAt(index);
    if (added !== undefined) return edgesOf(added);
    const { parentStart, parents, parentConditions } = this.plan.graph;
    const edges: Edge[] = [];
    for (let place = parentStart[index] ?? 0; place < (parentStart[index + 1] ?? 0); place += 1) {
      edges.push({ task: parents[place] ?? 0, on: parentConditions[place] ?? "success" });
    }
    return edges;
  }

  forEachChild(index: number, visit: (child: number, on: EdgeCondition) => void): void {
    if (index < this.#planned) {
      const { childStart, children, conditions } = this.plan.graph;
      const end = childStart[index + 1] ?? 0;
      for (let place = childStart[index] ?? 0; place < end; place += 1) {
        visit(children[place] ?? 0, conditions[place] ?? "success");
      }
    }
    for (const { task, on } of this.#addedChildren.get(index) ?? noEdges) visit(task, on);
  }

  /** Puts a task behind those that are there. Dependencies that have ended will not tell it so, and don't get it as a child. */
  add(added: AddedTask, isEnded: (index: number) => boolean): void {
    const index = this.size;
    for (const { task: parent, on } of edgesOf(added)) {
      if (isEnded(parent)) continue;
      const children = this.#addedChildren.get(parent);
      if (children === undefined) this.#addedChildren.set(parent, [{ task: index, on }]);
      else children.push({ task: index, on });
    }
    this.#added.push(added);
    this.#addedPlaces.set(added.task.id, index);
  }

  /** Gives an added task another definition with the same dependencies. */
  replace(index: number, added: AddedTask): void {
    this.#added[index - this.#planned] = added;
  }
}

function edgesOf({ task, parents }: AddedTask): readonly Edge[] {
  return parents.map((parent, place) => ({ task: parent, on: dependencyCondition(task.dependsOn[place] ?? "") }));
}
