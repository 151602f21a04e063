/**
 * Where a task of an execution stands. What each means, and what does not happen in it:
 * - `waiting` its rule is undecided; nothing of it runs.
 * - `ready` it starts as soon as the concurrency allows; nothing of it runs, and a failed try may lie behind it.
 * - `deciding` its `when` was called and has not answered; its handler was not called.
 * - `running` a try is at work.
 * - `delayed` the last try failed, the next one waits for its timer; nothing of it runs.
 * - All from `success` on are ends and never change. The two `…Allowed` ends come of failures that are allowed; of the
 *   three skips the first follows from the rule or a `SkipTask`.
 */
export const taskStage = {
  waiting: 0,
  ready: 1,
  deciding: 2,
  running: 3,
  delayed: 4,
  success: 5,
  failed: 6,
  failedAllowed: 7,
  upstreamFailed: 8,
  upstreamFailedAllowed: 9,
  skipped: 10,
  skippedByAbort: 11,
  skippedByWhen: 12,
} as const;

export type TaskStage = (typeof taskStage)[keyof typeof taskStage];

/** Stands for a result that is undefined; the column's own undefined means that there is none. */
const undefinedResult = Symbol("undefined");

/** A task that has been tried more than once, or is about to be. */
interface Tries {
  readonly number: number;
  readonly firstStartTime: number;
}

/** What an execution knows of each task, a column for each fact. What few tasks have is in maps. */
export class TaskColumns {
  size: number;
  stages: Uint8Array;
  /** Dependencies that have not ended. */
  waiting: Int32Array;
  /** Milliseconds since 1970 of the try's start and of the end; 0 before. */
  startTimes: Float64Array;
  endTimes: Float64Array;
  /** Room for one number for each of the first tasks, for whoever queues them. */
  readonly ring: Int32Array;
  /** Why a task failed or was skipped; what is missing here follows from its dependencies. */
  readonly errors: Map<number, unknown> = new Map();
  readonly #tries = new Map<number, Tries>();
  #results: unknown[] | null = null;

  constructor(waiting: Int32Array) {
    this.size = waiting.length;
    const columns = allocate(this.size);
    this.stages = columns.stages;
    this.waiting = columns.waiting;
    this.startTimes = columns.startTimes;
    this.endTimes = columns.endTimes;
    this.ring = columns.ring;
    this.waiting.set(waiting);
  }

  /** Makes room for one task more and answers its place. */
  add(waiting: number): number {
    const index = this.size;
    this.size += 1;
    if (this.size > this.stages.length) this.#grow(Math.max(16, 2 * index));
    this.waiting[index] = waiting;
    return index;
  }

  isEnded(index: number): boolean {
    return (this.stages[index] ?? 0) >= taskStage.success;
  }

  /** The number of the try that runs or ran last; 1 before the first. */
  tryNumber(index: number): number {
    return this.#tries.size === 0 ? 1 : (this.#tries.get(index)?.number ?? 1);
  }

  /** The try that runs now will not be the last. */
  beginNextTry(index: number): void {
    const firstStartTime = this.firstStartTime(index);
    this.#tries.set(index, { number: this.tryNumber(index) + 1, firstStartTime });
  }

  /** Goes back to the failed try: the one that was to follow never began. */
  dropNextTry(index: number): void {
    const tries = this.#tries.get(index);
    if (tries !== undefined) this.#tries.set(index, { ...tries, number: tries.number - 1 });
  }

  firstStartTime(index: number): number {
    return this.#tries.get(index)?.firstStartTime ?? this.startTimes[index] ?? 0;
  }

  setResult(index: number, value: unknown): void {
    this.#results ??= Array.from({ length: this.size });
    this.#results[index] = value === undefined ? undefinedResult : value;
  }

  hasResult(index: number): boolean {
    return this.#results !== null && this.#results[index] !== undefined;
  }

  getResult(index: number): unknown {
    const value = this.#results === null ? undefined : this.#results[index];
    return value === undefinedResult ? undefined : value;
  }

  dropResult(index: number): void {
    if (this.#results !== null) this.#results[index] = undefined;
  }

  #grow(capacity: number): void {
    const columns = allocate(capacity);
    columns.stages.set(this.stages);
    columns.waiting.set(this.waiting);
    columns.startTimes.set(this.startTimes);
    columns.endTimes.set(this.endTimes);
    this.stages = columns.stages;
    this.waiting = columns.waiting;
    this.startTimes = columns.startTimes;
    this.endTimes = columns.endTimes;
  }
}

type Columns = Pick<TaskColumns, "stages" | "waiting" | "startTimes" | "endTimes" | "ring">;

/** One block of memory for all columns: several would cost a small execution more than its tasks do. */
function allocate(capacity: number): Columns {
  const buffer = new ArrayBuffer(25 * capacity);
  return {
    startTimes: new Float64Array(buffer, 0, capacity),
    endTimes: new Float64Array(buffer, 8 * capacity, capacity),
    waiting: new Int32Array(buffer, 16 * capacity, capacity),
    ring: new Int32Array(buffer, 20 * capacity, capacity),
    stages: new Uint8Array(buffer, 24 * capacity, capacity),
  };
}
