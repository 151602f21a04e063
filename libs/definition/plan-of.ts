import { functionCapability } from "#core/function-capability.ts";
import { buildGraph } from "#core/graph.ts";
import type { Plan, PlanTask } from "#core/plan.ts";
import type { Definition, TaskDefinition } from "./model.ts";
import { requiredCapabilities } from "./schema/task-enclosure.ts";
import { requestsOf } from "./schema/task-resources.ts";

/** What the rules and the dispatcher need of a checked definition. */
export function planOf(definition: Definition): Plan {
  const places = new Map(definition.tasks.map((task, place) => [task.id, place]));
  const tasks = definition.tasks.flatMap(({ hook }, task) => (hook === undefined ? [task] : []));
  const everyTask = tasks.map((task) => ({ task, on: "success" as const }));
  const nodes = definition.tasks.map((task) => ({
    parents:
      task.hook?.of === "run"
        ? everyTask
        : task.dependencies.map(({ task: parent, on }) => ({
            task: places.get(parent) ?? unknownParent(task.id, parent),
            on,
          })),
  }));
  return {
    tasks: definition.tasks.map((task) => toPlanTask(task, definition)),
    graph: buildGraph(nodes),
    runTimeoutMs: definition.runTimeoutMs,
    ...(definition.deadline === undefined ? {} : { deadline: definition.deadline }),
    maxActiveRuns: definition.maxActiveRuns,
    maxActiveTasks: definition.maxActiveTasks ?? null,
    concurrencyLimit: definition.concurrency?.limit ?? null,
    priority: definition.priority,
  };
}

function unknownParent(task: string, parent: string): never {
  throw new RangeError(`task ${task} depends on ${parent}, which the definition does not have`);
}

function toPlanTask(task: TaskDefinition, { executor }: Definition): PlanTask {
  return {
    id: task.id,
    operatorType: placedTypeOf(task),
    triggerRule: task.triggerRule,
    allowFailure: task.allowFailure,
    evaluated: task.when !== null || task.forEach !== undefined,
    retry: task.retry,
    timeoutMs: task.timeoutMs,
    queueTimeoutMs: task.queueTimeoutMs,
    graceMs: task.graceMs,
    queue: task.queue,
    pool: task.pool,
    priority: task.priority,
    backend: task.executor ?? executor,
    keepPartialOutputs: task.keepPartialOutputs,
    ...(task.labels === undefined ? {} : { labels: task.labels }),
    ...(task.enclosure === undefined ? {} : { capabilities: requiredCapabilities(task) }),
    ...(task.resources === undefined ? {} : { requests: requestsOf(task.resources) }),
    ...(task.outputs === undefined ? {} : { outputs: task.outputs }),
    ...(task.waits === undefined ? {} : { waits: task.waits }),
    ...(task.hook === undefined ? {} : { hook: task.hook }),
  };
}

/** What a worker must say that it runs: the kind of work, for a function with the handler's name. */
function placedTypeOf({ type, operator }: TaskDefinition): string {
  const { handler } = operator;
  return type === "function" && typeof handler === "string" ? functionCapability(handler) : type;
}
