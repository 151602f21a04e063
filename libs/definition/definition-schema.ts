import { z } from "zod";
import { type TriggerRule, triggerRules } from "#core/trigger-rule.ts";
import { durationForms, parseDuration } from "#schedule/duration.ts";
import { definitionLimits } from "./limits.ts";

/*
 * The shape of a definition as people write it: types, ranges and names. What needs more than one value to judge
 * (graph, expressions, parameters, operator fields, zones, cron) is checked elsewhere.
 */

const duration = z
  .string()
  .refine((text) => parseDuration(text) !== null, `must be a duration greater than zero: ${durationForms}`);
const text = z.string();
const name = z.string().regex(/^[A-Za-z0-9_.-]{1,200}$/, "must be 1 to 200 letters, digits, `_`, `.` or `-`");
const count = z.int().min(0).max(1_000_000);
const priority = z.int().min(-100).max(100);
const exitCodes = z.array(z.int().min(0).max(255)).max(256);
const executor = z.enum(["local", "stream"]);
const textMap = z.record(z.string(), z.unknown());
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

/** Keys that `default_task_config` may hold. */
const taskDefaults = {
  description: text.optional(),
  trigger_rule: z.enum(triggerRules as readonly [TriggerRule, ...TriggerRule[]]).optional(),
  parameters: textMap.optional().describe("Override the definition's; who triggers has the last word."),
  environment: textMap.optional().describe("Environment variables of the process."),
  retries: count.optional().describe("Short for `retry: {max_retries}`."),
  retry: retry.optional(),
  retry_timeout: duration.optional().describe("All attempts together."),
  max_infra_retries: count.optional().describe("Allowance for lost workers; 3 by default."),
  timeout: duration.optional().describe("The longest time of one attempt."),
  queue_timeout: duration.optional().describe("The longest wait for a worker."),
  grace_period: duration.optional().describe("From the polite stop to the kill; 30s by default."),
  idempotent: z.boolean().optional().describe("False: never tried again once it may have started."),
  allow_failure: z.boolean().optional().describe("Its failure does not fail the run."),
  queue: name.optional().describe("The stream of attempts that workers subscribe to; `default` by default."),
  priority: priority.optional().describe("Higher goes first."),
  executor: executor.optional(),
  capture_stdout: z.boolean().optional().describe("The last line of output becomes `return_value`."),
  keep_partial_outputs: z.boolean().optional().describe("Outputs of failed attempts stay."),
};

/** A task without its id, as it stands in a map of tasks. */
export const taskBodySchema = z.strictObject({
  type: z.string().describe("The kind of work."),
  operator: z.record(z.string(), z.unknown()).describe("The fields of the kind of work."),
  dependencies: z.array(dependency).max(definitionLimits.tasks).optional().describe("The tasks that come before."),
  downstream: z.array(dependency).max(definitionLimits.tasks).optional().describe("The tasks that come after."),
  when: z.union([z.string(), z.boolean()]).optional().describe("An expression; false: the task is skipped."),
  ...taskDefaults,
});

export const taskSchema = taskBodySchema.extend({ id: z.unknown() });

const schedule = z.union([z.string(), z.strictObject({ cron: z.string(), timezone: z.string().optional() }), z.null()]);

/** Everything but the tasks, which are checked one by one. */
export const dagSchema = z.strictObject({
  format: z.literal(1).optional(),
  id: z.unknown(),
  description: text.optional(),
  owner: text.optional(),
  tags: tags.optional(),
  schedule: schedule.optional().describe("A cron expression or a macro such as `@daily`; none: manual runs only."),
  timezone: text.optional().describe("The zone of the schedule and of dates as text; UTC by default."),
  parameters: z.record(z.string(), z.unknown()).optional().describe("Defaults or schemas of the run's parameters."),
  additional_parameters: z.boolean().optional(),
  allow_manual_trigger: z.boolean().optional(),
  default_task_config: z.strictObject(taskDefaults).optional(),
  max_active_runs: z.int().min(1).max(10_000).optional(),
  run_timeout: duration.optional(),
  priority: priority.optional(),
  executor: executor.optional(),
  tasks: z.unknown(),
});

/** One parameter in its long form. */
export const parameterSchema = z.strictObject({
  type: z.enum(["string", "integer", "number", "boolean", "array", "object"]).optional(),
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
