import { ColumnStore } from "./column-store.ts";
import { planAddition } from "./dynamic-task.ts";
import type { DataStore, EngineLogger } from "./engine-api.ts";
import type { TaskDefinition } from "./task-definition.ts";
import { EngineError } from "./engine-error.ts";
import type { Execution } from "./execution.ts";
import type { ContextHost } from "./task-context.ts";

/** What the contexts of an execution's tasks see of it. */
export class ExecutionHost implements ContextHost {
  readonly store: DataStore;
  readonly #execution: Execution;

  constructor(execution: Execution, store: DataStore | null) {
    this.#execution = execution;
    this.store = store ?? new ColumnStore(execution.ledger.tasks, execution.ledger.columns);
  }

  get executionId(): string {
    return this.#execution.id;
  }

  taskIdOf(index: number): string {
    return this.#execution.ledger.tasks.at(index).id;
  }

  startTimeOf(index: number): number {
    return this.#execution.ledger.columns.startTimes[index] ?? 0;
  }

  /** A try that is over has a signal that is aborted; a stray handler that asks only then stops too. */
  signalOf(index: number, tryNumber: number): AbortSignal {
    const { tries, isAborted, ledger } = this.#execution;
    if (!this.#execution.isLive(index, tryNumber)) return AbortSignal.abort(this.#reasonOfEnd(index));
    return isAborted && !tries.hasSignal(index) ? AbortSignal.abort(ledger.abortReason) : tries.signalOf(index);
  }

  loggerOf(index: number): EngineLogger {
    return this.#execution.plan.options.logger.with({ executionId: this.executionId, taskId: this.taskIdOf(index) });
  }

  setResult(index: number, tryNumber: number, value: unknown): void {
    if (this.#execution.isLive(index, tryNumber)) this.#execution.ledger.columns.setResult(index, value);
    else this.report(index, "a result came after the end of its try and is dropped", null);
  }

  /** A task sees its own result before it has succeeded. */
  getResult(index: number, taskId: string): unknown {
    return this.#ownsPending(index, taskId) ? this.#execution.ledger.columns.getResult(index) : this.store.get(taskId);
  }

  hasResult(index: number, taskId: string): boolean {
    return this.#ownsPending(index, taskId) || this.store.has(taskId);
  }

  addTask(index: number, tryNumber: number, definition: TaskDefinition): void {
    const { ledger } = this.#execution;
    if (!this.#execution.isLive(index, tryNumber)) {
      const message = `task "${this.taskIdOf(index)}" is over and can't register another task; register it before its handler ends`;
      throw new EngineError("TASK_OVER", message);
    }
    const addition = planAddition(ledger, definition, { owner: index, tryNumber });
    if (addition === null) return;
    ledger.add(addition);
    if (this.#execution.isAborted) ledger.endUnstarted(Date.now(), ledger.abortReason);
    this.#execution.pump();
  }

  /** Tells the application's log what can be told to nobody else. */
  report(index: number, message: string, error: unknown): void {
    try {
      this.loggerOf(index).error(message, error === null ? {} : { error });
    } catch {
      // A logger that throws must not decide how an execution ends.
    }
  }

  #ownsPending(index: number, taskId: string): boolean {
    return this.#execution.ledger.columns.hasResult(index) && this.taskIdOf(index) === taskId;
  }

  #reasonOfEnd(index: number): unknown {
    const { errors } = this.#execution.ledger.columns;
    if (errors.has(index)) return errors.get(index);
    return new EngineError("TASK_OVER", `task "${this.taskIdOf(index)}" is over`);
  }
}
