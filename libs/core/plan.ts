import type { Graph } from "./graph.ts";
import type { Hook } from "./hook.ts";
import type { ResourceAmounts } from "./resource-amounts.ts";
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

export interface TaskLabels {
  readonly required: Readonly<Record<string, string>>;
  readonly preferred: Readonly<Record<string, string>>;
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
  /** What a success must leave, by key, as the definition has it: an outcome is held against it before it is an event. */
  readonly outputs?: Readonly<Record<string, unknown>>;
  /** Present: workers need all of `required`; those with all of `preferred` come first. */
  readonly labels?: TaskLabels;
  /** Present: what a worker's host must be able to do, at least one thing. */
  readonly capabilities?: readonly string[];
  /** Present: an attempt goes only to a worker that has so much free; something of it is above 0. */
  readonly requests?: ResourceAmounts;
  /** Present: it needs no worker; an executor lets it wait, at most so long. Null: without a limit. */
  readonly waits?: { readonly timeoutMs: number | null };
  /** Present: it runs at an end of another task or of the run, whatever its trigger rule says. */
  readonly hook?: Hook;
}

/** One version of a definition as the rules see it. Task indexes are places in `tasks`. */
export interface Plan {
  readonly tasks: readonly PlanTask[];
  readonly graph: Graph;
  readonly runTimeoutMs: number | null;
  /** Present: a run that has not ended so long after it began, or was rerun, is late. */
  readonly deadline?: { readonly afterMs: number; readonly action: "notify" | "cancel" };
  /** Runs of the DAG that may be active at once; null: any number. */
  readonly maxActiveRuns: number | null;
  /** Attempts of the DAG, in all its runs, that may be out at once; null: any number. */
  readonly maxActiveTasks: number | null;
  /** Active runs of one concurrency key; null: the DAG has no such keys. */
  readonly concurrencyLimit: number | null;
  readonly priority: number;
}

/** What a plan says of its runs as a whole where nothing is said. */
export const plainRuns: Omit<Plan, "tasks" | "graph"> = {
  runTimeoutMs: null,
  maxActiveRuns: null,
  maxActiveTasks: null,
  concurrencyLimit: null,
  priority: 0,
};
