import { isSkip } from "#middleware/failure-kind.ts";
import { decideRetryDelay } from "#middleware/retry-policy.ts";
import { isThenable } from "#middleware/thenable.ts";
import type { DataStore } from "./engine-api.ts";
import type { EngineEvent } from "./engine-event.ts";
import type { ExecutionResult } from "./execution-report.ts";
import { EngineError } from "./engine-error.ts";
import type { EnginePlan } from "./engine-plan.ts";
import { createExecutionTimeout } from "./engine-timeouts.ts";
import { ExecutionClock } from "./execution-clock.ts";
import { ExecutionHost } from "./execution-host.ts";
import { createResult } from "./execution-result.ts";
import { startGuarded } from "./guarded-start.ts";
import { LiveTries } from "./live-tries.ts";
import { type TaskStage, taskStage } from "./task-columns.ts";
import { ExecutionTaskContext } from "./task-context.ts";
import { TaskLedger } from "./task-ledger.ts";
import { createReport } from "./task-report.ts";

export interface ExecutionStart {
  readonly id: string;
  readonly signal: AbortSignal | null;
  /** Null: results stay in the execution's columns. */
  readonly store: DataStore | null;
  /** Tasks that have succeeded in an earlier execution. */
  readonly done: readonly number[];
  /** Null: nobody listens, and no event is made. Never throws. */
  readonly emit: ((event: EngineEvent) => void) | null;
}

/** A clock is read once for a task, if that is enough; this stands for a time that has not been read. */
const unknownTime = 0;

/**
 * One execution of a plan. `pump` is the only place where tasks start, a loop that never runs inside itself: however
 * long a chain of synchronous handlers is, the stack stays flat. Each try ends once, by `settle` or `fail`, whichever
 * comes first; what a try does after its end changes nothing.
 */
export class Execution {
  readonly id: string;
  readonly plan: EnginePlan;
  readonly ledger: TaskLedger;
  readonly tries: LiveTries = new LiveTries();
  isAborted = false;
  /** The first failure that is not allowed, or the abort, whichever came first. */
  firstError: { readonly error: unknown } | null = null;
  startTime = 0;
  readonly host: ExecutionHost;
  readonly #start: ExecutionStart;
  readonly #clock: ExecutionClock;
  readonly #result = Promise.withResolvers<ExecutionResult>();
  #running = 0;
  #isPumping = false;
  #isFinished = false;

  constructor(plan: EnginePlan, start: ExecutionStart) {
    this.id = start.id;
    this.plan = plan;
    this.#start = start;
    this.ledger = new TaskLedger(plan, start.emit === null ? null : (index) => this.#emitEnd(index));
    this.#clock = new ExecutionClock(plan.options.globalTimeoutMs, () => this.#expire());
    this.host = new ExecutionHost(this, start.store);
  }

  /** Starts before it returns what can start. */
  run(): Promise<ExecutionResult> {
    const { signal, done, emit } = this.#start;
    this.startTime = Date.now();
    const taskCount = this.ledger.tasks.size;
    emit?.({ kind: "execution_started", executionId: this.id, at: this.startTime, taskCount });
    this.ledger.begin(done);
    if (signal?.aborted === true) this.abort(signal.reason);
    else signal?.addEventListener("abort", this.#onAbort);
    this.#clock.start();
    this.pump();
    return this.#result.promise;
  }

  /** Whether this try is at work; what a try reports later is dropped. */
  isLive(index: number, tryNumber: number): boolean {
    const { columns } = this.ledger;
    const stage = columns.stages[index];
    return (stage === taskStage.running || stage === taskStage.deciding) && columns.tryNumber(index) === tryNumber;
  }

  /** Starts ready tasks while there is room for them; then ends the execution if nothing is left. `time` is now, if known. */
  pump(time: number = unknownTime): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    const { ready } = this.ledger;
    const { concurrency } = this.plan.options;
    let now = time;
    while (ready.size > 0 && this.#running < concurrency) {
      if (this.#clock.isOver()) this.#expire();
      else now = this.#startTask(ready.take(), now === unknownTime ? Date.now() : now);
    }
    this.#isPumping = false;
    if (this.ledger.unended === 0 && !this.#isFinished) this.#finish();
  }

  /** The handler of this try is about to be called. */
  beginTry(index: number, now: number): void {
    const { columns, tasks } = this.ledger;
    columns.stages[index] = taskStage.running;
    columns.startTimes[index] = now;
    const { emit } = this.#start;
    if (emit === null) return;
    const tryNumber = columns.tryNumber(index);
    emit({ kind: "task_started", executionId: this.id, at: now, taskId: tasks.at(index).id, tryNumber });
  }

  /** What a handler, a middleware or a `when` has answered, when it comes. */
  follow(index: number, tryNumber: number, answer: PromiseLike<unknown>): void {
    answer.then(
      (value) => this.settle(index, tryNumber, value),
      (error: unknown) => this.fail(index, tryNumber, error),
    );
  }

  /** The try has succeeded; `value` is what its handler returned. */
  settle(index: number, tryNumber: number, value: unknown): void {
    if (!this.isLive(index, tryNumber)) return;
    this.pump(this.#succeed(index, value));
  }

  /** The try has failed, or wants to be skipped. */
  fail(index: number, tryNumber: number, error: unknown): void {
    if (!this.isLive(index, tryNumber)) return;
    this.#endTry(index, error);
    this.pump();
  }

  skipByWhen(index: number): void {
    this.#leaveWork(index);
    this.ledger.columns.startTimes[index] = 0;
    this.ledger.end(index, taskStage.skippedByWhen, 0);
    this.pump();
  }

  /** Ends what has not started and tells what runs; the first reason stays. */
  abort(reason: unknown): void {
    if (this.isAborted) return;
    this.isAborted = true;
    this.firstError ??= { error: reason };
    this.ledger.endUnstarted(Date.now(), reason);
    this.tries.abortAll(reason);
    this.tries.releaseWhere((index) => this.ledger.columns.isEnded(index));
  }

  /** Answers the time after it, if known. */
  #startTask(index: number, now: number): number {
    const { tasks } = this.ledger;
    this.#running += 1;
    if (!tasks.isPlain(index)) {
      startGuarded(this, index, now);
      return unknownTime;
    }
    this.beginTry(index, now);
    const task = tasks.at(index);
    let value: unknown;
    let isPending = false;
    try {
      value = task.handler.call(task.definition, new ExecutionTaskContext(this.host, index, 1, null));
      if (value !== undefined && isThenable(value)) {
        isPending = true;
        this.follow(index, 1, value);
      }
    } catch (error) {
      this.fail(index, 1, error);
      return unknownTime;
    }
    return isPending ? unknownTime : this.#succeed(index, value);
  }

  /** Answers the time after it, if known: nothing of the application's was called since. */
  #succeed(index: number, value: unknown): number {
    const { columns } = this.ledger;
    const now = Date.now();
    if (value !== undefined) columns.setResult(index, value);
    this.#leaveWork(index);
    const { store, emit } = this.#start;
    const refusal = store === null || !columns.hasResult(index) ? null : this.#keep(store, index);
    if (refusal === null) this.ledger.succeed(index, now);
    else this.#endFailed(index, refusal);
    return store === null && emit === null ? now : unknownTime;
  }

  /** Puts the result into the application's store; answers the error when that refuses. */
  #keep(store: DataStore, index: number): EngineError | null {
    const { columns, tasks } = this.ledger;
    const { id } = tasks.at(index);
    const value = columns.getResult(index);
    columns.dropResult(index);
    try {
      store.set(id, value);
      return null;
    } catch (cause) {
      return new EngineError("STORE_FAILED", `the result of task "${id}" can't be stored; see the cause`, { cause });
    }
  }

  #endTry(index: number, error: unknown): void {
    const delayMs = this.#retryDelay(index, error);
    this.#leaveWork(index);
    this.ledger.columns.dropResult(index);
    if (delayMs !== null && !this.isAborted) this.#retryLater(index, error, delayMs);
    else if (isSkip(error)) this.#endWith(index, taskStage.skipped, error);
    else this.#endFailed(index, error);
  }

  /** Null: the failure is final, as that of a `when` always is. A `retryIf` that throws retries nothing. */
  #retryDelay(index: number, error: unknown): number | null {
    const { tasks, columns } = this.ledger;
    const { retry } = tasks.at(index).extras;
    if (retry === null || this.isAborted || columns.stages[index] === taskStage.deciding) return null;
    try {
      return decideRetryDelay(retry, columns.tryNumber(index), error);
    } catch (thrown) {
      this.host.report(index, "retryIf threw; the task is not tried again", thrown);
      return null;
    }
  }

  #retryLater(index: number, error: unknown, delayMs: number): void {
    const { columns, tasks } = this.ledger;
    const tryNumber = columns.tryNumber(index);
    columns.errors.set(index, error);
    columns.stages[index] = taskStage.delayed;
    columns.beginNextTry(index);
    if (delayMs > 0) this.tries.startTimer(index, delayMs, () => this.#endDelay(index));
    else this.ledger.makeReady(index);
    const { id: executionId } = this;
    const taskId = tasks.at(index).id;
    this.#start.emit?.({ kind: "task_retried", executionId, at: Date.now(), taskId, tryNumber, error, delayMs });
  }

  #endDelay(index: number): void {
    this.tries.release(index);
    this.ledger.makeReady(index);
    this.pump();
  }

  #endFailed(index: number, error: unknown): void {
    const stage = this.ledger.failureOf(index);
    const isFatal = stage === taskStage.failed;
    if (isFatal) this.firstError ??= { error };
    const aborts = isFatal && this.plan.options.errorStrategy === "fail-fast";
    this.#endWith(index, stage, error);
    if (aborts) this.abort(error);
  }

  #endWith(index: number, stage: TaskStage, error: unknown): void {
    this.ledger.columns.errors.set(index, error);
    this.ledger.end(index, stage, Date.now());
  }

  #leaveWork(index: number): void {
    this.#running -= 1;
    this.tries.release(index);
  }

  /** Time is up: what runs fails now, whether it listens or not. */
  #expire(): void {
    const { columns, tasks } = this.ledger;
    const isRunning = (index: number): boolean => columns.stages[index] === taskStage.running;
    const atWork = Array.from({ length: columns.size }, (_, index) => index).filter(isRunning);
    const ids = atWork.map((index) => tasks.at(index).id);
    const error = createExecutionTimeout(ids, this.plan.options.globalTimeoutMs);
    this.abort(error);
    for (const index of atWork.filter(isRunning)) {
      this.#leaveWork(index);
      columns.dropResult(index);
      this.#endWith(index, taskStage.failed, error);
    }
    this.pump();
  }

  readonly #onAbort = (): void => {
    this.abort(this.#start.signal?.reason);
    this.pump();
  };

  #emitEnd(index: number): void {
    const report = createReport(this.ledger, index);
    this.#start.emit?.({ kind: "task_ended", executionId: this.id, at: Date.now(), report });
  }

  #finish(): void {
    this.#isFinished = true;
    this.#clock.stop();
    this.#start.signal?.removeEventListener("abort", this.#onAbort);
    const result = createResult(this, Date.now());
    const { executionId, endTime: at, success } = result;
    this.#start.emit?.({ kind: "execution_ended", executionId, at, success });
    this.#result.resolve(result);
  }
}
