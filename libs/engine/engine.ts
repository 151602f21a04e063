import type { DataStore, EngineOptions } from "./engine-api.ts";
import type { EngineEvent } from "./engine-event.ts";
import type { ExecutionResult } from "./execution-report.ts";
import type { TaskDefinition, TaskMiddleware } from "./task-definition.ts";
import { checkTask } from "./check-task.ts";
import { EngineError } from "./engine-error.ts";
import { resolveOptions, type ResolvedOptions } from "./engine-options.ts";
import { buildPlan, type EnginePlan } from "./engine-plan.ts";
import { EventSubscriptions } from "./event-subscriptions.ts";
import { Execution } from "./execution.ts";
import { drawDot, drawMermaid } from "./graph-drawing.ts";
import { RegisteredTask } from "./registered-task.ts";

export interface ExecuteOptions {
  /** Aborting it aborts the execution. */
  readonly signal?: AbortSignal;
  /** Takes the results; a task whose id is in it has succeeded already and is not called. */
  readonly store?: DataStore;
}

/**
 * Runs tasks that depend on each other, in this process. The tasks are registered once; each execution has its own id,
 * store and states, and several may run at once.
 */
export class Engine {
  readonly #options: ResolvedOptions;
  readonly #middlewares: TaskMiddleware[] = [];
  readonly #tasks: RegisteredTask[] = [];
  readonly #places = new Map<string, number>();
  readonly #subscriptions = new EventSubscriptions();
  /** With a number behind it, an execution's id that no other has anywhere. */
  readonly #name = createRandomName();
  #executionCount = 0;
  #plan: EnginePlan | null = null;

  /** Throws an `INVALID_OPTIONS` error that names every option which makes no sense. */
  constructor(options: EngineOptions = {}) {
    this.#options = resolveOptions(options);
  }

  /** Puts middlewares around every task, inside those that are there. Executions that run keep what they began with. */
  use(...middlewares: readonly TaskMiddleware[]): this {
    const place = middlewares.findIndex((middleware) => typeof middleware !== "function");
    if (place !== -1) throw new EngineError("INVALID_OPTIONS", `use(): argument ${place + 1} is no function`);
    this.#middlewares.push(...middlewares);
    this.#plan = null;
    return this;
  }

  /** Throws, and stores nothing, when the definition is wrong in itself or its id is taken. */
  register(task: TaskDefinition): this {
    checkTask(task);
    if (this.#places.has(task.id)) {
      throw new EngineError("DUPLICATE_TASK", `task "${task.id}" is registered already; give this one another id`);
    }
    this.#places.set(task.id, this.#tasks.length);
    this.#tasks.push(new RegisteredTask(task));
    this.#plan = null;
    return this;
  }

  /** Throws an `INVALID_GRAPH` error with all problems: unknown dependencies, cycles and others. */
  build(): this {
    this.#builtPlan();
    return this;
  }

  /** Builds first when that is needed, and starts what can start before it returns. Rejects for misuse only: what tasks do is in the result. */
  async execute(options: ExecuteOptions | AbortSignal = {}): Promise<ExecutionResult> {
    const { signal = null, store: given = null } = readExecuteOptions(options);
    const plan = this.#builtPlan();
    this.#executionCount += 1;
    const id = `${this.#name}-${this.#executionCount}`;
    const { createStore, observer } = this.#options;
    const done = given === null ? [] : findDone(plan, given);
    const store = given ?? (createStore === null ? null : openStore(createStore, id));
    return new Execution(plan, { id, signal, store, done, emit: this.#subscriptions.connect(observer) }).run();
  }

  /**
   * The events of all executions that begin from now on, until the first of them to end has ended; `execution_ended` is
   * the last. Leaving the loop ends it too. A reader that is too far behind gets an `EVENTS_LOST` error.
   */
  events(): AsyncIterableIterator<EngineEvent> {
    return this.#subscriptions.open();
  }

  /** The tasks as a Graphviz drawing; also of a graph that can't be built. */
  toDot(): string {
    return drawDot(this.#tasks);
  }

  /** The tasks as a Mermaid flowchart; also of a graph that can't be built. */
  toMermaid(): string {
    return drawMermaid(this.#tasks);
  }

  #builtPlan(): EnginePlan {
    return (this.#plan ??= buildPlan({
      options: this.#options,
      middlewares: this.#middlewares,
      tasks: this.#tasks,
      places: this.#places,
    }));
  }
}

function readExecuteOptions(options: ExecuteOptions | AbortSignal): ExecuteOptions {
  if (typeof options !== "object" || options === null) {
    throw new EngineError("INVALID_OPTIONS", "execute(): the options are no object; give { signal, store }");
  }
  const read: ExecuteOptions = isSignal(options) ? { signal: options } : options;
  const problems: string[] = [];
  if (read.signal !== undefined && !isSignal(read.signal)) problems.push("signal is no AbortSignal");
  if (read.store !== undefined && !isStore(read.store))
    problems.push("store needs the functions has, get, set, entries");
  if (problems.length > 0) throw new EngineError("INVALID_OPTIONS", `execute(): ${problems.join("; ")}`);
  return read;
}

/** By its shape: a signal may come from another realm. */
function isSignal(value: unknown): value is AbortSignal {
  return typeof value === "object" && value !== null && "aborted" in value && "addEventListener" in value;
}

function isStore(value: unknown): value is DataStore {
  if (typeof value !== "object" || value === null) return false;
  return ["has", "get", "set", "entries"].every(
    (name) => typeof (value as Readonly<Record<string, unknown>>)[name] === "function",
  );
}

/** The tasks with a result from an earlier execution. */
function findDone({ tasks, graph }: EnginePlan, store: DataStore): readonly number[] {
  const done: number[] = [];
  try {
    for (let index = 0; index < graph.size; index += 1) {
      if (store.has(tasks[index]?.id ?? "")) done.push(index);
    }
  } catch (cause) {
    throw new EngineError("STORE_FAILED", "execute(): the store can't be read; see the cause", { cause });
  }
  return done;
}

function openStore(createStore: (executionId: string) => DataStore, executionId: string): DataStore {
  let cause: unknown;
  try {
    const store: unknown = createStore(executionId);
    if (isStore(store)) return store;
  } catch (error) {
    cause = error;
  }
  const message = "execute(): createStore gave no store with the functions has, get, set, entries";
  throw new EngineError("STORE_FAILED", message, { cause });
}

/** 128 random bits. */
function createRandomName(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16).padStart(8, "0")).join("");
}
