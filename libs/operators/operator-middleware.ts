import { type Next, runChain } from "#middleware/chain.ts";
import type { OperatorMiddleware, OperatorMiddlewareContext, PlacedMiddleware } from "./middleware-context.ts";
import type { Operator, OperatorContext, OperatorResult, StartProcess } from "./operator.ts";
import { runOwnCode, toTaskContext } from "./own-code.ts";
import type { TaskContext } from "./task-context.ts";

/** The operator within its middlewares: those for all kinds of work are outside of those for its own. */
export function withMiddlewares(operator: Operator, placed: readonly PlacedMiddleware[]): Operator {
  const isOwn = ({ type }: PlacedMiddleware): boolean =>
    type !== null && (type === operator.type || operator.type.startsWith(`${type}:`));
  const own = [...placed.filter(({ type }) => type === null), ...placed.filter(isOwn)];
  if (own.length === 0) return operator;
  const middlewares = own.map(({ middleware }) => middleware);
  return { ...operator, execute: (context) => runWithin(operator, middlewares, context) };
}

async function runWithin(
  operator: Operator,
  middlewares: readonly OperatorMiddleware[],
  context: OperatorContext,
): Promise<OperatorResult> {
  const task = toTaskContext(context);
  const ends = new Map<unknown, OperatorResult>();
  let last: OperatorResult = { kind: "success" };
  let replaced: { readonly value: unknown } | null = null;
  // A middleware may have the work done once more, or look at what it left: none of its processes is the last.
  const startProcess: StartProcess = (options) => context.startProcess({ ...options, isLast: false });
  const handler = async ({ signal }: OperatorMiddlewareContext): Promise<void> => {
    const result = await operator.execute({ ...context, signal, startProcess });
    last = result;
    if (result.kind !== "failed" && result.kind !== "skipped") return;
    const thrown = toThrown(result);
    ends.set(thrown, result);
    throw thrown;
  };
  const contextFor = (next: Next, { signal = task.signal }): OperatorMiddlewareContext => ({
    ...task,
    signal,
    operatorType: operator.type,
    next,
    setResult: (value) => {
      replaced = { value };
    },
  });
  try {
    await runChain({ middlewares, handler, contextFor, subject: `task "${task.taskId}"` });
  } catch (thrown) {
    // What a middleware threw itself has no result yet.
    return ends.get(thrown) ?? runOwnCode(() => Promise.reject(thrown), task.logger);
  }
  return finish(last, replaced, task);
}

/** A chain that ended well has made a success of whatever was below. */
async function finish(
  last: OperatorResult,
  replaced: { readonly value: unknown } | null,
  { logger }: TaskContext,
): Promise<OperatorResult> {
  const kept: OperatorResult = last.kind === "success" || last.kind === "deferred" ? last : { kind: "success" };
  if (replaced === null || kept.kind !== "success") return kept;
  const made = await runOwnCode(() => replaced.value, logger);
  return made.kind === "success" ? { ...kept, outputs: { ...kept.outputs, ...made.outputs } } : made;
}

function toThrown(result: Extract<OperatorResult, { kind: "failed" | "skipped" }>): Error {
  const error = new Error(result.kind === "failed" ? result.message : "skipped");
  if (result.kind === "skipped") error.name = "SkipTask";
  return error;
}
