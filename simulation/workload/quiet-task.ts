import type { PlanTask } from "#core/plan.ts";

/** A task without anything special: no retries, no timeouts, no condition. */
export const quietTask: Omit<PlanTask, "id"> = {
  operatorType: "noop",
  triggerRule: "all_success",
  allowFailure: false,
  evaluated: false,
  retry: {
    maxRetries: 0,
    delayMs: 0,
    backoffMultiplier: 1,
    maxDelayMs: 0,
    jitter: 0,
    retryExitCodes: null,
    noRetryExitCodes: [],
    retryTimeoutMs: null,
    maxInfraRetries: 3,
    idempotent: true,
  },
  timeoutMs: 3_600_000,
  queueTimeoutMs: null,
  graceMs: 0,
  queue: "default",
  pool: null,
  priority: 0,
  backend: null,
  keepPartialOutputs: false,
};
