import { setImmediate } from "node:timers/promises";
import type { EngineOptions } from "../engine-api.ts";
import type { ExecutionResult } from "../execution-report.ts";
import type { TaskContext, TaskDefinition } from "../task-definition.ts";
import { engineWith } from "./scripted-task.testsuite.ts";

/** An execution in which every handler waits until the test ends it. */
export interface GatedRun {
  /** In the order of the calls. */
  readonly started: readonly string[];
  readonly contexts: ReadonlyMap<string, TaskContext>;
  /** Called, and not ended yet. */
  readonly open: ReadonlySet<string>;
  /** Ends a handler, and returns when the engine has done all that follows from it. */
  succeed(taskId: string, value?: unknown): Promise<void>;
  fail(taskId: string, error: unknown): Promise<void>;
  hasReturned(): boolean;
  /** Succeeds what is open, and what starts by that, until the execution returns. */
  finish(): Promise<ExecutionResult>;
}

interface Gate {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Starts an execution and returns when all that can start has started. */
export async function startGated(
  graph: { readonly tasks: readonly Omit<TaskDefinition, "handler">[] },
  options: EngineOptions & { readonly signal?: AbortSignal } = {},
): Promise<GatedRun> {
  const { signal, ...engineOptions } = options;
  const gates = new Map<string, Gate>();
  const started: string[] = [];
  const contexts = new Map<string, TaskContext>();
  const open = new Set<string>();
  const handler = (context: TaskContext): Promise<unknown> => {
    started.push(context.taskId);
    contexts.set(context.taskId, context);
    open.add(context.taskId);
    return new Promise((resolve, reject) => gates.set(context.taskId, { resolve, reject }));
  };
  const engine = engineWith(
    graph.tasks.map((task) => ({ ...task, handler })),
    engineOptions,
  );
  let returned = false;
  const result = engine.execute(signal === undefined ? {} : { signal }).finally(() => {
    returned = true;
  });
  await settle();
  const end = async (taskId: string, act: (gate: Gate) => void): Promise<void> => {
    const gate = gates.get(taskId);
    if (gate === undefined || !open.delete(taskId)) throw new Error(`task "${taskId}" is not at work`);
    act(gate);
    await settle();
  };
  const succeed = (taskId: string, value?: unknown): Promise<void> => end(taskId, (gate) => gate.resolve(value));
  return {
    started,
    contexts,
    open,
    succeed,
    fail: (taskId, error) => end(taskId, (gate) => gate.reject(error)),
    hasReturned: () => returned,
    finish: async () => {
      for (const taskId of open) await succeed(taskId);
      return result;
    },
  };
}

/** A turn of the event loop: all microtasks that an end causes have run by then, and no timer is needed for them. */
async function settle(): Promise<void> {
  await setImmediate();
}

/** What a handler waits for that ends only because it is stopped. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
