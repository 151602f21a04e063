import { waitMs } from "./abortable-delay.ts";
import { type Next, repeatsNext } from "./chain.ts";
import { decideRetryDelay, findRetryProblems, resolveRetry, type RetryOptions } from "./retry-policy.ts";

interface RetryContext {
  readonly signal: AbortSignal;
  readonly next: Next;
}

/**
 * Runs what is below it again when it fails, within the same try of the task: the task's timeout bounds all of it. The
 * last error is thrown on. Aborting the signal ends a delay, and the error that led to it is thrown.
 */
export function retry(options: RetryOptions): (context: RetryContext) => Promise<void> {
  const problems = findRetryProblems(options);
  if (problems.length > 0) throw new RangeError(`retry(): ${problems.join("; ")}`);
  const policy = resolveRetry(options);
  return repeatsNext(async function retry(context: RetryContext): Promise<void> {
    for (let failures = 1; ; failures += 1) {
      try {
        await context.next();
        return;
      } catch (error) {
        const delayMs = context.signal.aborted ? null : decideRetryDelay(policy, failures, error);
        if (delayMs === null || !(await waitUnlessAborted(delayMs, context.signal))) throw error;
      }
    }
  });
}

/** False: the signal was aborted first. */
async function waitUnlessAborted(delayMs: number, signal: AbortSignal): Promise<boolean> {
  if (delayMs === 0) return true;
  try {
    await waitMs(delayMs, signal);
    return true;
  } catch {
    return false;
  }
}
