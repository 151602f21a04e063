import type { Graph } from "./graph.ts";
import type { Plan, PlanTask } from "./plan.ts";

/** Stands for a task that the version no longer has; nothing of it will run. */
const goneTask: Omit<PlanTask, "id"> = {
  operatorType: "",
  triggerRule: "all_done",
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
    maxInfraRetries: 0,
    idempotent: false,
  },
  timeoutMs: 0,
  queueTimeoutMs: null,
  graceMs: 0,
  queue: "",
  pool: null,
  priority: 0,
  backend: null,
  keepPartialOutputs: false,
};

/**
 * The plan of a run whose earlier version had these tasks too: they stand behind its own, without edges, so that their
 * instances keep a name.
 */
export function withRemovedTasks(plan: Plan, ids: readonly string[]): Plan {
  if (ids.length === 0) return plan;
  const tasks = [...plan.tasks, ...ids.map((id): PlanTask => ({ ...goneTask, id }))];
  return { ...plan, tasks, graph: extendGraph(plan.graph, tasks.length) };
}

/** The graph with more nodes behind its own, which have no edges. */
function extendGraph(graph: Graph, size: number): Graph {
  const extend = (starts: Int32Array): Int32Array =>
    Int32Array.from({ length: size + 1 }, (_, place) => starts[Math.min(place, graph.size)] ?? 0);
  return { ...graph, size, childStart: extend(graph.childStart), parentStart: extend(graph.parentStart) };
}
