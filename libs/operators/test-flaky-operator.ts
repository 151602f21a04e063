import { z } from "zod";
import type { OperatorSchema } from "#ports/operator-schema.ts";
import type { Operator, OperatorResult } from "./operator.ts";
import { orExpression } from "./operator-fields.ts";

/** Fails in its first tries of a generation, then succeeds. */
export const testFlakyOperator: Operator = {
  type: "millrace.test.flaky",
  inProcess: true,
  async execute({ config, attempt }): Promise<OperatorResult> {
    const failures = Number(config["failures"]);
    if (!Number.isInteger(failures) || failures < 0) {
      const message = `failures ${JSON.stringify(config["failures"])} is no whole number`;
      return { kind: "failed", code: "configuration", message };
    }
    if (attempt.tryNumber > failures) return { kind: "success" };
    return {
      kind: "failed",
      code: "failed",
      message: `failed on purpose: try ${attempt.tryNumber} of ${failures} that fail`,
    };
  },
};

export const testFlakySchema: OperatorSchema = {
  fields: z.strictObject({
    failures: orExpression(z.int().min(0), "a whole number").describe("Number of tries that fail."),
  }),
  code: {},
  description: "Test double: fails a number of times, then succeeds.",
};
