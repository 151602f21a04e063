import { z } from "zod";
import type { OperatorSchema } from "#ports/operator-schema.ts";
import type { Operator, OperatorResult } from "./operator.ts";
import { textOf } from "./operator-fields.ts";

/** Fails at once, always. */
export const testFailOperator: Operator = {
  type: "millrace.test.fail",
  inProcess: true,
  async execute({ config }): Promise<OperatorResult> {
    return { kind: "failed", code: "failed", message: textOf(config, "message", "failed on purpose") };
  },
};

export const testFailSchema: OperatorSchema = {
  fields: z.strictObject({ message: z.string().optional().describe("Text of the error.") }),
  code: {},
  description: "Test double: always fails.",
};
