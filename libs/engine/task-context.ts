import { type Next, type NextOptions, rejectQuietly } from "#middleware/chain.ts";
import type { DataStore, EngineLogger } from "./engine-api.ts";
import type { TaskContext, TaskDefinition } from "./task-definition.ts";

/** What a context asks of its execution; a task is named by its place. */
export interface ContextHost {
  readonly executionId: string;
  readonly store: DataStore;
  taskIdOf(index: number): string;
  startTimeOf(index: number): number;
  signalOf(index: number, tryNumber: number): AbortSignal;
  loggerOf(index: number): EngineLogger;
  setResult(index: number, tryNumber: number, value: unknown): void;
  getResult(index: number, taskId: string): unknown;
  hasResult(index: number, taskId: string): boolean;
  addTask(index: number, tryNumber: number, definition: TaskDefinition): void;
}

/** The place of a context in a chain of middlewares. */
export interface ContextLink {
  readonly next: Next;
  readonly options: NextOptions;
}

/**
 * A view of one try, cheap to make: everything lies with the execution and is looked up, or made, when it is asked for.
 * Functions are read as properties that know their context, so that a handler may take the context apart.
 */
export class ExecutionTaskContext implements TaskContext {
  readonly #host: ContextHost;
  readonly #index: number;
  readonly #tryNumber: number;
  readonly #link: ContextLink | null;

  /** Without a link there are no middlewares, and nothing that `next` could call. */
  constructor(host: ContextHost, index: number, tryNumber: number, link: ContextLink | null) {
    this.#host = host;
    this.#index = index;
    this.#tryNumber = tryNumber;
    this.#link = link;
  }

  get taskId(): string {
    return this.#host.taskIdOf(this.#index);
  }

  get executionId(): string {
    return this.#host.executionId;
  }

  get startTime(): number {
    return this.#host.startTimeOf(this.#index);
  }

  get tryNumber(): number {
    return this.#tryNumber;
  }

  get signal(): AbortSignal {
    return this.#link?.options.signal ?? this.#host.signalOf(this.#index, this.#tryNumber);
  }

  get store(): DataStore {
    return this.#host.store;
  }

  get logger(): EngineLogger {
    return this.#host.loggerOf(this.#index);
  }

  get next(): Next {
    return this.#link?.next ?? (() => rejectQuietly(nothingBelow(this.taskId)));
  }

  get setResult(): (value: unknown) => void {
    return (value) => this.#host.setResult(this.#index, this.#tryNumber, value);
  }

  get getResult(): <T = unknown>(taskId: string) => T | undefined {
    return <T>(taskId: string) => this.#host.getResult(this.#index, taskId) as T | undefined;
  }

  get hasResult(): (taskId: string) => boolean {
    return (taskId) => this.#host.hasResult(this.#index, taskId);
  }

  get register(): (task: TaskDefinition) => void {
    return (task) => this.#host.addTask(this.#index, this.#tryNumber, task);
  }
}

function nothingBelow(taskId: string): Error {
  return new Error(`the handler of task "${taskId}" called next(); only middlewares have something below them`);
}
