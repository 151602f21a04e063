import type { RetryPolicy } from "./plan.ts";
import type { AttemptFailure } from "./run-event.ts";
import type { Instance } from "./run-model.ts";

export type RetryDecision =
  | {
      readonly retry: true;
      readonly reason: string;
      readonly delayMs: number /** Costs none of the task's retries. */;
      readonly free: boolean;
    }
  | { readonly retry: false; readonly reason: string };

/** Causes that the next attempt would meet again. */
const permanentCodes: ReadonlySet<string> = new Set([
  "not_found",
  "permission_denied",
  "syntax",
  "configuration",
  "render_failed",
  "invalid_output",
  "disk_limit",
  "process_limit",
  "killed",
]);

/** Whether a failed attempt is tried again, why or why not, and after how many milliseconds; decided from columns, so that it survives restarts (G9). */
export function decideRetry(
  policy: RetryPolicy,
  instance: Instance,
  failure: AttemptFailure,
  now: number,
): RetryDecision {
  if (!policy.idempotent) return { retry: false, reason: "not_idempotent" };
  if (failure.code === "interrupted") return { retry: true, reason: "interrupted", delayMs: 0, free: true };
  const cause = judgeCause(policy, instance, failure);
  if (!cause.retry) return { retry: false, reason: cause.reason };
  const used = retriesUsed(instance);
  if (used >= policy.maxRetries) return { retry: false, reason: "max_retries_exceeded" };
  const delayMs = Math.max(computeBackoffMs(policy, used, failure.random), failure.retryAfterMs ?? 0);
  const limit = policy.retryTimeoutMs;
  if (limit !== null && (instance.firstStartedAt ?? now) + limit <= now + delayMs)
    return { retry: false, reason: "retry_timeout" };
  return { retry: true, reason: cause.reason, delayMs, free: false };
}

/** Attempts of this generation after the first that used the task's own retries. */
export function retriesUsed(instance: Instance): number {
  return Math.max(0, instance.tryNumber - instance.infraTries - instance.freeTries - 1);
}

/** What the delay follows from. */
export type BackoffPolicy = Pick<RetryPolicy, "delayMs" | "backoffMultiplier" | "maxDelayMs" | "jitter">;

/** The delay before retry `used + 1`: 30, 60, 120, 240, 300 s ± 10 % by default. `random` is 0…1. */
export function computeBackoffMs(policy: BackoffPolicy, used: number, random: number): number {
  const growth = Math.min(policy.backoffMultiplier ** used, Number.MAX_VALUE);
  const delay = Math.min(policy.delayMs * growth, policy.maxDelayMs);
  return Math.round(delay * (1 + policy.jitter * (2 * random - 1)));
}

function judgeCause(
  policy: RetryPolicy,
  instance: Instance,
  failure: AttemptFailure,
): { retry: boolean; reason: string } {
  if (failure.retryable !== null) return { retry: failure.retryable, reason: failure.code };
  if (permanentCodes.has(failure.code)) return { retry: false, reason: failure.code };
  if (failure.code === "out_of_memory") return { retry: retriesUsed(instance) === 0, reason: "out_of_memory" };
  if (failure.code !== "exit_code" || failure.exitCode === null) return { retry: true, reason: failure.code };
  const retriable =
    policy.retryExitCodes === null
      ? !policy.noRetryExitCodes.includes(failure.exitCode)
      : policy.retryExitCodes.includes(failure.exitCode);
  return { retry: retriable, reason: retriable ? "retriable_exit_code" : "no_retry_exit_code" };
}
