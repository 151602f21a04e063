import type { Graph } from "./graph.ts";
import type { TriggerRule } from "./trigger-rule.ts";

/** How often and when a failed attempt is tried again. Delays in milliseconds. */
export interface RetryPolicy {
  readonly maxRetries: number;
  readonly delayMs: number;
  readonly backoffMultiplier: number;
  readonly maxDelayMs: number;
  /** Share of the delay, 0…1, by which it is spread. */
  readonly jitter: number;
  /** Null: any non-zero code except `noRetryExitCodes`; a list is exclusive. */
  readonly retryExitCodes: readonly number[] | null;
  readonly noRetryExitCodes: readonly number[];
  /** All attempts of a generation together; null without a limit. */
  readonly retryTimeoutMs: number | null;
  /** Own allowance for lost workers. */
  readonly maxInfraRetries: number;
  /** False: never tried again once it may have started. */
  readonly idempotent: boolean;
}

/** What the rules and the dispatcher need to know of one task. */
export interface PlanTask {
  readonly id: string;
  readonly operatorType: string;
  readonly triggerRule: TriggerRule;
  readonly allowFailure: boolean;
  /** It has `when`, `for_each` or a rendered `pool`: the executor looks at it before it is queued. */
  readonly evaluated: boolean;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number;
  readonly queueTimeoutMs: number | null;
  readonly graceMs: number;
  readonly queue: string;
  readonly pool: string | null;
  readonly priority: number;
  /** Null: the deployment's backend. */
  readonly backend: string | null;
  readonly keepPartialOutputs: boolean;
}

/** One version of a definition as the rules see it. Task indexes are places in `tasks`. */
export interface Plan {
  readonly tasks: readonly PlanTask[];
  readonly graph: Graph;
  readonly runTimeoutMs: number | null;
  readonly priority: number;
}
