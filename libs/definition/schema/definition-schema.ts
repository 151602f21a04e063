import { z } from "zod";
import { type TriggerRule, triggerRules } from "#core/trigger-rule.ts";
import { resourcesSchema } from "#resources/resources-schema.ts";
import { durationSchema as duration } from "./duration-schema.ts";
import { dagIdForm, dagIdPattern, dagIdWords, taskIdForm, variableForm } from "./id-forms.ts";
import { definitionLimits } from "../limits.ts";
import { scheduleSchema } from "./schedule-schema.ts";
import { webhooksSchema } from "./webhook-schema.ts";

/*
 * The shape of a definition as people write it: types, ranges and names. What needs more than one value to judge
 * (graph, expressions, parameters, operator fields, zones, cron) is checked elsewhere. `meta` adds what editors are to
 * know besides, in the words of JSON Schema.
 */

const text = z.string();
const name = z
  .string()
  .regex(dagIdPattern, `must be ${dagIdWords}`)
  .meta({ patternErrorMessage: `must be ${dagIdWords}` });
const count = z.int().min(0).max(1_000_000);
const priority = z.int().min(-100).max(100);
const exitCodes = z.array(z.int().min(0).max(255)).max(256);
const executor = z.enum(["local", "stream", "kafka"]);
const textMap = z.record(z.string(), z.unknown());
const environment = z.record(
  z.string().meta(variableForm),
  z.unknown().meta({ type: ["string", "number", "boolean"] }),
);
const labelMap = z.record(z.string().min(1).max(200), z.unknown().meta({ type: ["string", "number", "boolean"] }));
const labels = z.union([
  z.strictObject({
    required: labelMap.optional().describe("Labels that the worker must have."),
    preferred: labelMap.optional().describe("Labels that the worker has while one that has them is free."),
  }),
  labelMap,
]);
/** Of a registry or the host's own. No expression: it is known before there is a worker. */
const image = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}$/, "must be the name of an image, such as python:3.13-slim");
const network = z.enum(["none", "outbound", "full"]);
/** What confined processes may be given: not the whole host, nor the folders of its kernel and its running services. */
const readablePath = z
  .string()
  .regex(
    /^\/(?!.*(?:^|\/)\.\.(?:\/|$))(?!.*\{\{)(?![/.]*$)(?!(?:\.?\/)*(?:proc|sys|dev|run|var(?:\/\.?)*\/run)(?:\/|$))/,
    "must be an absolute path without `..` and expressions, not `/`, and not within /proc, /sys, /dev, /run or /var/run",
  );
const tags = z.array(z.string().min(1).max(200)).max(100);
const edgeCondition = z.enum(["success", "failure", "completion"]);

const dependency = z.union([z.string(), z.strictObject({ task: z.string(), on: edgeCondition.optional() })]);

const retry = z.strictObject({
  max_retries: count.optional().describe("Attempts after the first; 3 when the block does not say."),
  delay: duration.optional().describe("Before the first retry; 30s by default."),
  backoff_multiplier: z.number().min(1).max(1000).optional().describe("Growth of the delay; 2 by default."),
  max_delay: duration.optional().describe("The longest delay; 300s by default."),
  jitter: z.number().min(0).max(1).optional().describe("Share by which the delay is spread; 0.1 by default."),
  retry_exit_codes: exitCodes.optional().describe("Only these exit codes are tried again."),
  no_retry_exit_codes: exitCodes.optional().describe("These exit codes are final; 125, 126 and 127 by default."),
  retry_timeout: duration.optional().describe("All attempts together."),
});

const forEach = z.union([
  z.string(),
  z.strictObject({
    items: z.string().describe("An expression that gives a list."),
    key: z.string().optional().describe("An expression that names each item; its place in the list by default."),
    limit: z.int().min(1).max(definitionLimits.items).optional().describe("The longest list; 1000 by default."),
  }),
]);

/** Keys that `default_task_config` may hold. */
const taskDefaults = {
  description: text.optional().describe("For people."),
  trigger_rule: z
    .enum(triggerRules as readonly [TriggerRule, ...TriggerRule[]])
    .optional()
    .describe("What the ends of the parents must be; `all_success` by default."),
  parameters: textMap.optional().describe("Override the definition's; who triggers has the last word."),
  environment: environment.optional().describe("Environment variables of the process."),
  retries: count.optional().describe("Short for `retry: {max_retries}`."),
  retry: retry.optional().describe("Whether and when it is tried again."),
  retry_timeout: duration.optional().describe("All attempts together."),
  max_infra_retries: count.optional().describe("Allowance for lost workers; 3 by default."),
  timeout: duration.optional().describe("The longest time of one attempt."),
  queue_timeout: duration.optional().describe("The longest wait for a worker."),
  grace_period: duration.optional().describe("From the polite stop to the kill; 30s by default."),
  idempotent: z.boolean().optional().describe("False: never tried again once it may have started."),
  allow_failure: z.boolean().optional().describe("Its failure does not fail the run."),
  queue: name.optional().describe("The stream of attempts that workers subscribe to; `default` by default."),
  labels: labels.optional().describe("Labels that the worker must have, or `required` and `preferred`."),
  resources: resourcesSchema
    .optional()
    .describe("What one attempt may use, and its worker must have left; what is not named is not limited."),
  isolation: z.enum(["process", "container"]).optional().describe("Where the attempt runs; `process` by default."),
  image: image.optional().describe("The image of the container."),
  network: network.optional().describe("What the process may reach: `full` by default, `none` in a container."),
  filesystem: z
    .enum(["open", "confined"])
    .optional()
    .describe("`confined`: it sees little and writes its own folders."),
  allow_paths: z.array(readablePath).max(100).optional().describe("What a confined process may read besides."),
  pool: name.optional().describe("The limit that it shares with tasks of any DAG."),
  priority: priority.optional().describe("Higher goes first."),
  executor: executor.optional().describe("How it reaches a worker; as the definition says by default."),
  capture_stdout: z.boolean().optional().describe("The last line of output becomes `return_value`."),
  keep_partial_outputs: z.boolean().optional().describe("Outputs of failed attempts stay."),
  outputs: textMap.optional().describe("What a success leaves, and of what type: checked before it counts."),
};

/** Checked as the tasks that they are. */
const hooks = (of: string) => ({
  on_success: z.unknown().optional().describe(`What runs when ${of} has succeeded: a task, or an address to post to.`),
  on_failure: z.unknown().optional().describe(`What runs when ${of} has failed: a task, or an address to post to.`),
});

/** A task without its id, as it stands in a map of tasks. */
export const taskBodySchema = z.strictObject({
  type: z.string().describe("The kind of work."),
  operator: z.record(z.string(), z.unknown()).describe("The fields of the kind of work."),
  dependencies: z.array(dependency).max(definitionLimits.tasks).optional().describe("The tasks that come before."),
  downstream: z.array(dependency).max(definitionLimits.tasks).optional().describe("The tasks that come after."),
  when: z.union([z.string(), z.boolean()]).optional().describe("An expression; false: the task is skipped."),
  for_each: forEach.optional().describe("An expression that gives a list: one instance per element, which is `item`."),
  ...taskDefaults,
  ...hooks("the task"),
});

export const taskSchema = taskBodySchema.extend({ id: z.unknown().meta(taskIdForm) });

/** Everything but the tasks, which are checked one by one. */
export const dagSchema = z.strictObject({
  format: z.literal(1).optional().describe("The version of this format."),
  id: z.unknown().meta(dagIdForm),
  description: text.optional().describe("For people; found by search."),
  owner: text.optional().describe("For people; found by search."),
  tags: tags.optional().describe("Groups it among others."),
  schedule: scheduleSchema
    .optional()
    .describe("A cron expression or a macro such as `@daily`, or the long form; none: manual runs only."),
  timezone: text.optional().describe("The zone of the schedule and of dates as text; UTC by default."),
  parameters: z.record(z.string(), z.unknown()).optional().describe("Defaults or schemas of the run's parameters."),
  additional_parameters: z.boolean().optional().describe("False: a trigger may give declared parameters alone."),
  allow_manual_trigger: z.boolean().optional().describe("False: people and programs can't trigger it."),
  webhooks: webhooksSchema.optional().describe("Signed HTTP requests that make a run."),
  sensors: z.unknown().optional().describe("What makes a run when it changes: files, rows, responses, objects, runs."),
  default_task_config: z.strictObject(taskDefaults).optional().describe("Defaults for the keys of all tasks."),
  max_active_runs: z.int().min(1).max(10_000).optional().describe("Runs that are active at once; 16 by default."),
  max_active_tasks: z.int().min(1).max(10_000).optional().describe("Attempts at once in all runs; none: any number."),
  concurrency: z
    .strictObject({
      key: z.string().min(1).describe("An expression over the run's parameters."),
      limit: z.int().min(1).max(10_000).optional().describe("Active runs of one key; 1 by default."),
      on_conflict: z.enum(["queue", "skip", "cancel_running"]).optional().describe("`queue` by default."),
    })
    .optional()
    .describe("How many runs of one key may be active."),
  run_timeout: duration.optional().describe("The longest time of a run."),
  deadline: z
    .strictObject({
      after: duration.describe("How long after it was made, or rerun, a run may go on."),
      action: z.enum(["notify", "cancel"]).optional().describe("`notify` publishes an event; `cancel` also cancels."),
    })
    .optional()
    .describe("When a run is late, and what follows."),
  priority: priority.optional().describe("Higher goes first, among definitions."),
  executor: executor.optional().describe("How tasks reach a worker; the deployment says by default."),
  ...hooks("the run"),
  tasks: z.unknown(),
});

/** What a parameter may be. */
export const parameterTypes = ["string", "integer", "number", "boolean", "array", "object"] as const;

/** One parameter in its long form. */
export const parameterSchema = z.strictObject({
  type: z.enum(parameterTypes).optional(),
  required: z.boolean().optional(),
  default: z.unknown().optional(),
  enum: z.array(z.unknown()).min(1).optional(),
  pattern: text.optional(),
  minimum: z.union([z.number(), z.string()]).optional(),
  maximum: z.union([z.number(), z.string()]).optional(),
  min_length: count.optional(),
  max_length: count.optional(),
  items: z.unknown().optional(),
  format: z.enum(["date", "date-time"]).optional(),
  description: text.optional(),
  validation: z.record(z.string(), z.unknown()).optional(),
});

export type DagInput = z.infer<typeof dagSchema>;
export type TaskInput = z.infer<typeof taskBodySchema>;
export type TaskDefaultsInput = NonNullable<DagInput["default_task_config"]>;
