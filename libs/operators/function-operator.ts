import { z } from "zod";
import { functionCapability } from "#core/function-capability.ts";
import type { OperatorSchema } from "#ports/operator-schema.ts";
import type { Operator } from "./operator.ts";
import { runOwnCode, toTaskContext } from "./own-code.ts";
import type { FunctionHandler } from "./task-context.ts";

/** What a handler may be called. */
export const handlerPattern = /^[A-Za-z_][A-Za-z0-9_.-]{0,199}$/;

/** Runs a handler of this program, in its own process. */
export function createFunctionOperator(name: string, handler: FunctionHandler): Operator {
  return {
    type: functionCapability(name),
    inProcess: true,
    execute(context) {
      const task = toTaskContext(context);
      const given = (context.config["arguments"] ?? {}) as Readonly<Record<string, unknown>>;
      return runOwnCode(() => handler({ ...task, arguments: given }), task.logger);
    },
  };
}

export const functionSchema: OperatorSchema = {
  fields: z.strictObject({
    handler: z
      .string()
      .regex(handlerPattern, "must be the name of a handler: letters, digits, dots, hyphens and underscores")
      .describe("The handler that a worker program has registered; only workers that have it get the task."),
    arguments: z.record(z.string(), z.json()).optional().describe("What the handler gets, by name."),
  }),
  code: {},
  literal: ["handler"],
  description: "A function of a worker program of one's own.",
};
