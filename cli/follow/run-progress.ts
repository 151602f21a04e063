import { isTerminal, type RunState, type TaskState } from "#core/states.ts";
import { type ItemCounts, ItemProgress } from "./item-progress.ts";
import { layoutTree, type TreeRow, type TreeTask } from "../rendering/tree-layout.ts";

/** What a live view knows of one task. Times are milliseconds since 1970; null: it has not happened or is not known. */
export interface TaskProgress {
  readonly taskId: string;
  readonly state: TaskState;
  /** A code where the state alone does not tell: `timed_out`, `cancelled`, … */
  readonly reason: string | null;
  readonly tryNumber: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** When the next attempt is due. */
  readonly dueAt: number | null;
  readonly error: string | null;
  /** Null: it has not fanned out. */
  readonly items: ItemCounts | null;
  /** The last lines of its log, oldest first; those of items with their keys. */
  readonly tail: readonly string[];
}

/** One committed change, as a feed tells it. */
export type ProgressChange =
  | {
      readonly kind: "task";
      readonly taskId: string;
      /** Null: a plain task or the group of a fan-out, else the key of the item. */
      readonly itemKey: string | null;
      readonly instanceId: string;
      readonly state: TaskState;
      readonly reason: string | null;
      readonly tryNumber: number | null;
      readonly dueAt: number | null;
      readonly error: string | null;
      /** Number of items of a task that has just fanned out, else null. */
      readonly itemsTotal: number | null;
      readonly at: number;
    }
  /** `state` null: it stays as it is. */
  | { readonly kind: "run"; readonly state: RunState | null; readonly ended: boolean; readonly at: number };

export interface RunIdentity {
  readonly dagId: string;
  readonly runId: string;
  readonly queuedAt: number;
}

/** Lines of a task's log that are kept for the view. */
const tailLines = 10;

/** A run as its events tell it: the state that live views are drawn from. Rows are replaced, never changed in place. */
export class RunProgress {
  readonly identity: RunIdentity;
  readonly tree: readonly TreeRow[];
  readonly #tasks = new Map<string, TaskProgress>();
  readonly #items = new Map<string, ItemProgress>();
  readonly #counts = new Map<TaskState, number>();
  #state: RunState = "queued";
  #startedAt: number | null = null;
  #endedAt: number | null = null;

  constructor(identity: RunIdentity, tasks: readonly TreeTask[]) {
    this.identity = identity;
    this.tree = layoutTree(tasks);
    for (const task of tasks) this.#tasks.set(task.id, newTask(task.id));
    this.#counts.set("none", tasks.length);
  }

  get state(): RunState {
    return this.#state;
  }

  get startedAt(): number | null {
    return this.#startedAt;
  }

  /** The run has ended when this is set, whatever its state says before. */
  get endedAt(): number | null {
    return this.#endedAt;
  }

  get total(): number {
    return this.#tasks.size;
  }

  count(state: TaskState): number {
    return this.#counts.get(state) ?? 0;
  }

  task(taskId: string): TaskProgress {
    return this.#tasks.get(taskId) ?? newTask(taskId);
  }

  tasks(): Iterable<TaskProgress> {
    return this.#tasks.values();
  }

  apply(change: ProgressChange): void {
    if (change.kind === "run") {
      this.#state = change.state ?? this.#state;
      if (change.state === "running") this.#startedAt ??= change.at;
      if (change.ended) this.#endedAt = change.at;
      return;
    }
    // What begins again after a run's end belongs to its next life.
    if (!isTerminal(change.state)) this.#endedAt = null;
    const before = this.task(change.taskId);
    if (change.itemKey !== null) {
      const items = this.#items.get(change.taskId);
      items?.apply(change.itemKey, change.state, change.error);
      this.#put({ ...before, items: items?.counts ?? null });
      return;
    }
    // Each life of a fan-out has items of its own.
    if (change.state === "queued") this.#items.delete(change.taskId);
    if (change.itemsTotal !== null) this.#items.set(change.taskId, new ItemProgress(change.itemsTotal));
    const items = this.#items.get(change.taskId);
    const error = change.state === "failed" ? joined(change.error, items?.firstError ?? null) : change.error;
    this.#put({
      ...before,
      state: change.state,
      reason: change.reason,
      tryNumber: change.tryNumber ?? (change.state === "running" ? before.tryNumber + 1 : before.tryNumber),
      startedAt: change.state === "running" ? change.at : before.startedAt,
      endedAt: isTerminal(change.state) || change.state === "up_for_retry" ? change.at : null,
      dueAt: change.state === "up_for_retry" ? change.dueAt : null,
      error: error ?? (change.state === "success" ? null : before.error),
      items: items?.counts ?? null,
    });
  }

  /** `name` is a task's id, or `task[key]` for an item, whose lines stand with its group. */
  addLines(name: string, lines: readonly string[]): void {
    const bracket = name.indexOf("[");
    const before = this.task(bracket === -1 ? name : name.slice(0, bracket));
    const added = bracket === -1 ? lines : lines.map((line) => `${name.slice(bracket)} ${line}`);
    this.#put({ ...before, tail: [...before.tail, ...added].slice(-tailLines) });
  }

  #put(next: TaskProgress): void {
    const before = this.#tasks.get(next.taskId);
    if (before !== undefined) this.#counts.set(before.state, this.count(before.state) - 1);
    this.#counts.set(next.state, this.count(next.state) + 1);
    this.#tasks.set(next.taskId, next);
  }
}

function joined(error: string | null, ofItem: string | null): string | null {
  return error === null || ofItem === null ? (error ?? ofItem) : `${error}: ${ofItem}`;
}

function newTask(taskId: string): TaskProgress {
  return {
    taskId,
    state: "none",
    reason: null,
    tryNumber: 0,
    startedAt: null,
    endedAt: null,
    dueAt: null,
    error: null,
    items: null,
    tail: [],
  };
}
