import type { Hook } from "#core/hook.ts";
import type { RetryPolicy, TaskLabels } from "#core/plan.ts";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { parseDuration } from "#schedule/duration.ts";
import type { TaskGraph } from "./checks/check-graph.ts";
import { bareExpression } from "./expressions/bare-expression.ts";
import type { DagInput, TaskDefaultsInput, TaskInput } from "./schema/definition-schema.ts";
import type { ConcurrencyDefinition } from "./schema/concurrency-definition.ts";
import type { ScheduleDefinition } from "./schema/schedule-definition.ts";
import type {
  DeclaredOutputs,
  Definition,
  Dependency,
  JsonObject,
  ParameterDefinition,
  TaskDefinition,
} from "./model.ts";
import { defaultsOfHooks } from "./hooks/defaults-of-hooks.ts";
import { defaultActiveRuns } from "./limits.ts";
import { normalizeSensor } from "./normalize-sensor.ts";
import type { SensorInput } from "./schema/sensor-schema.ts";
import { withEnclosure } from "./schema/task-enclosure.ts";
import { withResources } from "./schema/task-resources.ts";
import type { WebhookDefinition } from "./schema/webhook-definition.ts";
import type { WebhookInput } from "./schema/webhook-schema.ts";

/** A definition that has passed every check, in the words of the file. */
export interface CheckedInput {
  readonly id: string;
  readonly dag: DagInput;
  readonly tasks: readonly {
    readonly id: string;
    readonly body: TaskInput;
    readonly outputs: DeclaredOutputs | null;
    readonly hook?: Hook;
  }[];
  readonly graph: TaskGraph;
  readonly parameters: Readonly<Record<string, ParameterDefinition>>;
  readonly schedule: ScheduleDefinition | null;
  readonly sensors: readonly SensorInput[];
}

interface NormalizeOptions {
  readonly operators: OperatorSchemas;
  readonly maxTaskTimeoutMs: number;
}

/** Values where neither the task nor the definition says anything. */
const fallback = {
  maxActiveRuns: defaultActiveRuns,
  graceMs: 30_000,
  queue: "default",
  items: 1000,
} as const;

/** The retry policy where nothing is said about it. */
export const retryDefaults = {
  maxRetriesOfBlock: 3,
  delayMs: 30_000,
  backoffMultiplier: 2,
  maxDelayMs: 300_000,
  jitter: 0.1,
  noRetryExitCodes: [125, 126, 127],
  maxInfraRetries: 3,
} as const;

/** The normal form: long forms only, defaults filled in, durations in milliseconds. */
export function normalizeDefinition(input: CheckedInput, options: NormalizeOptions): Definition {
  const { dag } = input;
  return {
    format: 1,
    id: input.id,
    description: dag.description ?? "",
    owner: dag.owner ?? "",
    tags: dag.tags ?? [],
    timezone: dag.timezone ?? "UTC",
    schedule: input.schedule,
    parameters: input.parameters,
    additionalParameters: dag.additional_parameters ?? true,
    allowManualTrigger: dag.allow_manual_trigger ?? true,
    ...(dag.webhooks === undefined ? {} : { webhooks: dag.webhooks.map(normalizeWebhook) }),
    ...(input.sensors.length === 0 ? {} : { sensors: input.sensors.map(normalizeSensor) }),
    maxActiveRuns: dag.max_active_runs ?? fallback.maxActiveRuns,
    maxActiveTasks: dag.max_active_tasks ?? null,
    ...(dag.concurrency === undefined ? {} : { concurrency: normalizeConcurrency(dag.concurrency) }),
    runTimeoutMs: toMs(dag.run_timeout),
    ...normalizeDeadline(dag.deadline),
    priority: dag.priority ?? 0,
    executor: dag.executor ?? null,
    tasks: input.tasks.map((task, index) => {
      const edges = input.graph.parents[index] ?? [];
      const dependencies = edges.map((edge) => ({ task: input.tasks[edge.task]?.id ?? "", on: edge.on }));
      const outputs = task.outputs === null ? {} : { outputs: task.outputs };
      const defaults = dag.default_task_config ?? {};
      if (task.hook === undefined)
        return { ...normalizeTask(task.id, task.body, dependencies, { ...options, defaults }), ...outputs };
      const { hook, id, body } = task;
      const named = hook.of === "run" ? [] : dependencies;
      const own = { ...options, defaults: defaultsOfHooks(defaults) };
      return { ...normalizeTask(id, body, named, own), allowFailure: true, hook };
    }),
  };
}

function normalizeWebhook({ name, secret, parameters, when, logical_date }: WebhookInput): WebhookDefinition {
  return {
    name,
    secret,
    parameters: Object.fromEntries(
      Object.entries(parameters ?? {}).map(([parameter, text]) => [parameter, bareExpression(text)]),
    ),
    when: when === undefined ? null : bareExpression(when),
    logicalDate: logical_date === undefined ? null : bareExpression(logical_date),
  };
}

function normalizeConcurrency(input: NonNullable<DagInput["concurrency"]>): ConcurrencyDefinition {
  return { key: bareExpression(input.key), limit: input.limit ?? 1, onConflict: input.on_conflict ?? "queue" };
}

interface TaskOptions extends NormalizeOptions {
  readonly defaults: TaskDefaultsInput;
}

function normalizeTask(
  id: string,
  body: TaskInput,
  dependencies: readonly Dependency[],
  { defaults, operators, maxTaskTimeoutMs }: TaskOptions,
): TaskDefinition {
  const task = { ...defaults, ...body };
  const operator = operators.get(body.type);
  const ownTimeoutMs = toMs(task.timeout);
  const isWait = operator?.runsIn === "executor";
  return {
    id,
    type: body.type,
    description: task.description ?? "",
    operator: body.operator as JsonObject,
    dependencies,
    triggerRule: task.trigger_rule ?? "all_success",
    when: body.when === undefined || body.when === true ? null : bareExpression(String(body.when)),
    ...(body.for_each === undefined ? {} : { forEach: normalizeForEach(body.for_each) }),
    parameters: { ...defaults.parameters, ...body.parameters } as JsonObject,
    environment: toText({ ...defaults.environment, ...body.environment }),
    retry: normalizeRetry(body, defaults, operator?.defaultRetries ?? 0),
    timeoutMs:
      (isWait ? null : ownTimeoutMs) ?? Math.min(operator?.defaultTimeoutMs ?? maxTaskTimeoutMs, maxTaskTimeoutMs),
    // It waits for no worker.
    queueTimeoutMs: isWait ? null : toMs(task.queue_timeout),
    graceMs: toMs(task.grace_period) ?? fallback.graceMs,
    allowFailure: task.allow_failure ?? false,
    queue: task.queue ?? fallback.queue,
    pool: task.pool ?? null,
    ...(task.labels === undefined ? {} : { labels: normalizeLabels(task.labels) }),
    ...withEnclosure(body, defaults, operator),
    ...withResources(body, defaults, operator),
    priority: task.priority ?? 0,
    executor: task.executor ?? null,
    captureStdout: task.capture_stdout ?? false,
    keepPartialOutputs: task.keep_partial_outputs ?? false,
    ...(isWait ? { waits: { timeoutMs: ownTimeoutMs } } : {}),
  };
}

function normalizeDeadline(given: DagInput["deadline"]): Pick<Definition, "deadline"> {
  const afterMs = toMs(given?.after);
  return afterMs === null ? {} : { deadline: { afterMs, action: given?.action ?? "notify" } };
}

function normalizeForEach(given: NonNullable<TaskInput["for_each"]>): NonNullable<TaskDefinition["forEach"]> {
  const { items, key, limit } = typeof given === "string" ? { items: given } : given;
  return {
    items: bareExpression(items),
    key: key === undefined ? null : bareExpression(key),
    limit: limit ?? fallback.items,
  };
}

/** The task's own words win over the defaults', whichever of the two forms each uses. */
function normalizeRetry(body: TaskInput, defaults: TaskDefaultsInput, operatorRetries: number): RetryPolicy {
  const block = { ...defaults.retry, ...body.retry };
  const maxRetries = body.retries ?? body.retry?.max_retries ?? defaults.retries ?? defaults.retry?.max_retries;
  const hasBlock = body.retry !== undefined || defaults.retry !== undefined;
  const retryTimeout =
    body.retry_timeout ?? body.retry?.retry_timeout ?? defaults.retry_timeout ?? defaults.retry?.retry_timeout;
  return {
    maxRetries: maxRetries ?? (hasBlock ? retryDefaults.maxRetriesOfBlock : operatorRetries),
    delayMs: toMs(block.delay) ?? retryDefaults.delayMs,
    backoffMultiplier: block.backoff_multiplier ?? retryDefaults.backoffMultiplier,
    maxDelayMs: toMs(block.max_delay) ?? retryDefaults.maxDelayMs,
    jitter: block.jitter ?? retryDefaults.jitter,
    retryExitCodes: block.retry_exit_codes ?? null,
    noRetryExitCodes: block.no_retry_exit_codes ?? retryDefaults.noRetryExitCodes,
    retryTimeoutMs: toMs(retryTimeout),
    maxInfraRetries: body.max_infra_retries ?? defaults.max_infra_retries ?? retryDefaults.maxInfraRetries,
    idempotent: body.idempotent ?? defaults.idempotent ?? true,
  };
}

function toMs(text: string | undefined): number | null {
  return text === undefined ? null : parseDuration(text);
}

/** The short form names what is required. */
function normalizeLabels(given: NonNullable<TaskInput["labels"]>): TaskLabels {
  const { required, preferred } = given;
  const isLong = [required, preferred].some((part) => typeof part === "object" && part !== null);
  if (!isLong) return { required: toText(given), preferred: {} };
  const long = given as { readonly required?: Record<string, unknown>; readonly preferred?: Record<string, unknown> };
  return { required: toText(long.required ?? {}), preferred: toText(long.preferred ?? {}) };
}

function toText(values: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
}
