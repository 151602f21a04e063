import { basename } from "node:path";
import { z } from "zod";
import type { OperatorSchema } from "#ports/operator-schema.ts";
import type { Operator, OperatorResult } from "./operator.ts";
import { exactlyOneOf, processFields, textOf } from "./operator-fields.ts";
import { noDagFolder, resolveFromDag } from "./process-outcome.ts";
import { knownShells, runShell } from "./shell-process.ts";

const defaultShell = "bash";

/** Runs shell code or a script; it ends at the first command that fails. */
export const bashOperator: Operator = {
  type: "bash",
  inProcess: false,
  async execute(context): Promise<OperatorResult> {
    const { script } = context.config;
    const shell = textOf(context.config, "shell", defaultShell);
    if (typeof script !== "string") {
      return runShell(context, shell, {
        kind: "code",
        field: "bash_command",
        text: textOf(context.config, "bash_command"),
      });
    }
    const path = resolveFromDag(script, context);
    if (path === null) return noDagFolder("script", script);
    return runShell(context, shell, { kind: "script", path });
  },
};

export const bashSchema: OperatorSchema = {
  fields: z
    .strictObject({
      bash_command: z.string().min(1).optional().describe("Shell code."),
      script: z.string().min(1).optional().describe("A script file, relative to the folder of the definition."),
      shell: z
        .string()
        .refine(
          (shell) => knownShells.includes(basename(shell)),
          `must be one of ${knownShells.join(", ")}, or a path of one`,
        )
        .optional()
        .describe(`${defaultShell} by default.`),
      ...processFields,
    })
    .check(exactlyOneOf(["bash_command", "script"])),
  code: { bash_command: "shell" },
  encloses: "process",
  literal: ["network"],
  description: "Shell code or a script, with `set -euo pipefail`.",
};
