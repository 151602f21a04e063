import { z } from "zod";
import type { OperatorSchema } from "#ports/operator-schema.ts";
import type { Operator, OperatorResult } from "./operator.ts";
import { literalProcessFields, processFields, textOf } from "./operator-fields.ts";
import { noDagFolder, startDirectory, toOperatorResult } from "./process-outcome.ts";

const absolute = z.string().regex(/^\/|\{\{/, "must be an absolute path");

/** Runs an image. The worker surrounds its process with the container (services/worker/attempt-enclosure.ts). */
export const containerOperator: Operator = {
  type: "container",
  inProcess: false,
  async execute(context): Promise<OperatorResult> {
    const { config, environment } = context;
    const cwd = startDirectory(context);
    if (cwd === null) return noDagFolder("working_directory", textOf(config, "working_directory"));
    const { command } = config;
    const args = Array.isArray(command) ? command.map(String) : [];
    return toOperatorResult(await context.startProcess({ file: textOf(config, "entrypoint"), args, environment, cwd }));
  },
};

export const containerSchema: OperatorSchema = {
  fields: z.strictObject({
    image: z.string().min(1).describe("Of a registry, or one that the worker's host has."),
    command: z
      .array(z.union([z.string(), z.number(), z.boolean()]))
      .min(1)
      .max(1000)
      .optional()
      .describe("Words for the image's entry point, which no shell sees; the image's own by default."),
    entrypoint: z.string().min(1).optional().describe("A program of the image, in place of its entry point."),
    mounts: z
      .array(
        z.strictObject({
          source: absolute.describe("A folder or file of the worker's host, below one that the worker allows."),
          target: absolute.describe("Where the container sees it."),
          read_only: z.boolean().optional().describe("True by default."),
        }),
      )
      .max(50)
      .optional()
      .describe("What the container sees of the worker's host."),
    ...processFields,
  }),
  code: {},
  encloses: "container",
  literal: literalProcessFields,
  description: "An image, with its own programs and files.",
};
