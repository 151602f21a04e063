import { type BackoffPolicy, computeBackoffMs } from "#core/retry-decision.ts";
import { describeCountProblem, describeRangeProblem, maxTimerMs } from "./check-number.ts";
import { isAbort, isSkip } from "./failure-kind.ts";

/** How often and when something that failed is tried again. */
export interface RetryOptions {
  /** After the first try. */
  readonly maxRetries: number;
  /** Before the first retry, in milliseconds; default 0. */
  readonly delayMs?: number;
  /** Default 2. */
  readonly backoffMultiplier?: number;
  /** Default 300,000. */
  readonly maxDelayMs?: number;
  /** Share of the delay that is drawn at random, 0…1; default 0. */
  readonly jitter?: number;
  /** False: this error is final. Default: every error but an abort retries. */
  readonly retryIf?: (error: unknown) => boolean;
}

/** The options without gaps. */
export interface ResolvedRetry extends BackoffPolicy {
  readonly maxRetries: number;
  readonly retryIf: (error: unknown) => boolean;
}

export function resolveRetry(options: RetryOptions): ResolvedRetry {
  return {
    maxRetries: options.maxRetries,
    delayMs: options.delayMs ?? 0,
    backoffMultiplier: options.backoffMultiplier ?? 2,
    maxDelayMs: options.maxDelayMs ?? 300_000,
    jitter: options.jitter ?? 0,
    retryIf: options.retryIf ?? ((error) => !isAbort(error)),
  };
}

/** Every fault of the options, each as a sentence that names the option. */
export function findRetryProblems(options: unknown): readonly string[] {
  if (typeof options !== "object" || options === null) return ["retry is no object; give { maxRetries: 3 }"];
  const { maxRetries, delayMs, backoffMultiplier, maxDelayMs, jitter, retryIf } = options as Readonly<
    Record<string, unknown>
  >;
  return [
    describeCountProblem("retry.maxRetries", maxRetries),
    delayMs === undefined ? null : describeRangeProblem("retry.delayMs", delayMs, 0, maxTimerMs),
    backoffMultiplier === undefined
      ? null
      : describeRangeProblem("retry.backoffMultiplier", backoffMultiplier, 1, 1000),
    maxDelayMs === undefined ? null : describeRangeProblem("retry.maxDelayMs", maxDelayMs, 0, maxTimerMs),
    jitter === undefined ? null : describeRangeProblem("retry.jitter", jitter, 0, 1),
    retryIf === undefined || typeof retryIf === "function" ? null : "retry.retryIf is no function",
  ].filter((problem) => problem !== null);
}

/** How long to wait before the next try, or null when the failure is final. `failures` counts those so far, from 1. */
export function decideRetryDelay(policy: ResolvedRetry, failures: number, error: unknown): number | null {
  if (failures > policy.maxRetries || isSkip(error) || !policy.retryIf(error)) return null;
  return Math.min(computeBackoffMs(policy, failures - 1, Math.random()), maxTimerMs);
}
