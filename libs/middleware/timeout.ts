import type { Next } from "./chain.ts";
import { describeTimeoutProblem } from "./check-number.ts";
import { TimeoutError } from "./timeout-error.ts";

interface TimeoutContext {
  readonly taskId: string;
  readonly signal: AbortSignal;
  readonly next: Next;
}

/**
 * Bounds what is below it: when time is up it aborts the signal that is seen there and throws a `TimeoutError` without
 * waiting any longer.
 */
export function timeout(timeoutMs: number): (context: TimeoutContext) => Promise<void> {
  const problem = describeTimeoutProblem("timeoutMs", timeoutMs);
  if (problem !== null) throw new RangeError(`timeout(): ${problem}`);
  return async function timeout(context: TimeoutContext): Promise<void> {
    if (timeoutMs === Number.POSITIVE_INFINITY) return context.next();
    const { taskId, signal } = context;
    const controller = new AbortController();
    const follow = (): void => controller.abort(signal.reason);
    const { promise: expiry, reject: expire } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const error = new TimeoutError("middleware", timeoutMs, describe(taskId, timeoutMs));
      expire(error);
      controller.abort(error);
    }, timeoutMs);
    signal.addEventListener("abort", follow);
    if (signal.aborted) follow();
    try {
      await Promise.race([context.next({ signal: controller.signal }), expiry]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", follow);
    }
  };
}

function describe(taskId: string, timeoutMs: number): string {
  return `task "${taskId}" did not get through its timeout middleware within ${timeoutMs} ms; give it more, or let its handler end when its signal aborts`;
}
