import type { Next } from "./chain.ts";
import { isSkip } from "./failure-kind.ts";

interface RecoveryContext {
  readonly taskId: string;
  readonly signal: AbortSignal;
  readonly next: Next;
  setResult(value: unknown): void;
}

/**
 * Catches what is thrown below it. Things that are no errors become errors that name the task and have the thrown value
 * as their cause. With `recover` the task then succeeds with what that returns, unless it throws itself. Skips and
 * the reason of an abort pass through.
 */
export function recovery<C extends RecoveryContext>(
  recover?: (error: Error, context: C) => unknown,
): (context: C) => Promise<void> {
  return async function recovery(context: C): Promise<void> {
    try {
      await context.next();
    } catch (thrown) {
      if (isSkip(thrown) || (context.signal.aborted && thrown === context.signal.reason)) throw thrown;
      const error = toError(thrown, context.taskId);
      if (recover === undefined) throw error;
      const value = await recover(error, context);
      if (value !== undefined) context.setResult(value);
    }
  };
}

function toError(thrown: unknown, taskId: string): Error {
  if (thrown instanceof Error) return thrown;
  return new Error(`task "${taskId}" threw ${describeThrown(thrown)}, which is no error`, { cause: thrown });
}

function describeThrown(thrown: unknown): string {
  return typeof thrown === "object" && thrown !== null ? "an object" : `${typeof thrown} ${String(thrown)}`;
}
