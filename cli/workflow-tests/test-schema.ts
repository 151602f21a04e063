import { z } from "zod";
import { durationSchema } from "#definition/schema/duration-schema.ts";

/*
 * The shape of a `*.test.yaml` file. Names of tasks, and what needs the workflow to judge, are checked elsewhere.
 */

const attempt = {
  outcome: z.enum(["success", "failed", "skipped", "lost"]).optional(),
  outputs: z.record(z.string(), z.unknown()).optional(),
  exit_code: z.int().min(1).max(255).optional(),
  error: z
    .string()
    .regex(/^[a-z][a-z_]*$/, "must be the code of a failure such as timeout, connection or not_found")
    .optional(),
  message: z.string().optional(),
  duration: durationSchema.optional(),
};
const attempts = { ...attempt, attempts: z.array(z.strictObject(attempt)).min(1).optional() };
const mock = z.strictObject({ ...attempts, items: z.record(z.string(), z.strictObject(attempts)).optional() });

// How a run and its tasks may have ended.
const runState = z.enum(["success", "failed", "cancelled"]);
const taskState = z.enum(["success", "failed", "upstream_failed", "skipped"]);

const expectations = z.strictObject({
  state: runState.optional(),
  refused: z.string().optional(),
  tasks: z.record(z.string(), taskState).optional(),
  attempts: z.record(z.string(), z.int().min(0)).optional(),
  order: z.array(z.string()).min(1).optional(),
  outputs: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
  environment: z.record(z.string(), z.record(z.string(), z.string())).optional(),
});

const workflowTest = z.strictObject({
  name: z.string().min(1).max(500),
  parameters: z.record(z.string(), z.unknown()).optional(),
  execution_date: z.string().optional(),
  now: z.string().optional(),
  mocks: z.record(z.string(), mock).optional(),
  expect: expectations,
});

export const testFileSchema = z.strictObject({
  workflow: z.string().min(1).optional(),
  tests: z.array(workflowTest).min(1),
});

export type AttemptMock = z.infer<typeof mock>;
export type WorkflowTest = z.infer<typeof workflowTest>;
export type Expectations = WorkflowTest["expect"];
