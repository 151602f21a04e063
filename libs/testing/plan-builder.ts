import { buildGraph, type EdgeCondition } from "#core/graph.ts";
import { plainRuns, type Plan, type PlanTask, type RetryPolicy } from "#core/plan.ts";

/** A task as a test writes it: what is left out has the default of spec 1, without retries. */
export interface TaskSpec extends Partial<Omit<PlanTask, "id" | "retry">> {
  readonly id: string;
  /** Ids, with the edge's condition after a colon unless it is `success`: `["a", "b:completion"]`. */
  readonly parents?: readonly string[];
  readonly retry?: Partial<RetryPolicy>;
}

const defaultRetry: RetryPolicy = {
  maxRetries: 0,
  delayMs: 30_000,
  backoffMultiplier: 2,
  maxDelayMs: 300_000,
  jitter: 0.1,
  retryExitCodes: null,
  noRetryExitCodes: [125, 126, 127],
  retryTimeoutMs: null,
  maxInfraRetries: 3,
  idempotent: true,
};

const defaultTask: Omit<PlanTask, "id" | "retry"> = {
  operatorType: "noop",
  triggerRule: "all_success",
  allowFailure: false,
  evaluated: false,
  timeoutMs: 86_400_000,
  queueTimeoutMs: null,
  graceMs: 30_000,
  queue: "default",
  pool: null,
  priority: 0,
  backend: null,
  keepPartialOutputs: false,
};

/** A retry policy with the defaults of spec 3 where nothing is given; retries are 0 there. */
export function buildRetryPolicy(given: Partial<RetryPolicy> = {}): RetryPolicy {
  return { ...defaultRetry, ...given };
}

/** A plan from task specs; parents may stand anywhere in the list. Throws on an unknown parent. */
export function buildPlan(specs: readonly TaskSpec[], given: Partial<Omit<Plan, "tasks" | "graph">> = {}): Plan {
  const places = new Map(specs.map((spec, place) => [spec.id, place]));
  const tasks = specs.map(({ parents: _, retry, ...task }): PlanTask => {
    return { ...defaultTask, ...task, retry: buildRetryPolicy(retry) };
  });
  const nodes = specs.map(({ parents = [] }) => ({
    parents: parents.map((text) => {
      const [id = "", on = "success"] = text.split(":");
      const task = places.get(id);
      if (task === undefined) throw new Error(`the plan has no task ${id}`);
      return { task, on: on as EdgeCondition };
    }),
  }));
  return { tasks, graph: buildGraph(nodes), ...plainRuns, ...given };
}
