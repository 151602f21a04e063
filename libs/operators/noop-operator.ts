import { z } from "zod";
import type { OperatorSchema } from "#ports/operator-schema.ts";
import type { Operator, OperatorResult } from "./operator.ts";

const done: Promise<OperatorResult> = Promise.resolve({ kind: "success" });

/** Does nothing: a point where edges meet. */
export const noopOperator: Operator = {
  type: "noop",
  inProcess: true,
  execute: () => done,
};

export const noopSchema: OperatorSchema = {
  fields: z.strictObject({}),
  code: {},
  description: "Does nothing: a point where edges meet.",
};
