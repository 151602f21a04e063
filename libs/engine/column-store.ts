import type { DataStore } from "./engine-api.ts";
import type { ExecutionTasks } from "./execution-tasks.ts";
import { type TaskColumns, taskStage } from "./task-columns.ts";

/**
 * The default store: the results lie in the execution's own columns and are seen once their task has succeeded. What is
 * set by hand is seen at once, until the task of that name succeeds with a result.
 */
export class ColumnStore implements DataStore {
  readonly #tasks: ExecutionTasks;
  readonly #columns: TaskColumns;
  readonly #setByHand = new Map<string, unknown>();

  constructor(tasks: ExecutionTasks, columns: TaskColumns) {
    this.#tasks = tasks;
    this.#columns = columns;
  }

  has(taskId: string): boolean {
    return this.#placeOf(taskId) !== null || this.#setByHand.has(taskId);
  }

  get(taskId: string): unknown {
    const place = this.#placeOf(taskId);
    return place === null ? this.#setByHand.get(taskId) : this.#columns.getResult(place);
  }

  set(taskId: string, value: unknown): void {
    const place = this.#placeOf(taskId);
    if (place === null) this.#setByHand.set(taskId, value);
    else this.#columns.setResult(place, value);
  }

  *entries(): Generator<readonly [string, unknown]> {
    for (const id of this.#tasks.ids()) {
      const place = this.#placeOf(id);
      if (place !== null) yield [id, this.#columns.getResult(place)];
    }
    for (const entry of this.#setByHand) {
      if (this.#placeOf(entry[0]) === null) yield entry;
    }
  }

  /** Null: no task of that name has succeeded with a result. */
  #placeOf(taskId: string): number | null {
    const place = this.#tasks.placeOf(taskId);
    if (place === undefined || this.#columns.stages[place] !== taskStage.success) return null;
    return this.#columns.hasResult(place) ? place : null;
  }
}
