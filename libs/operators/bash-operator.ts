import { basename } from "node:path";
import { z } from "zod";
import type { OperatorSchema } from "#ports/operator-schema.ts";
import type { Operator, OperatorResult } from "./operator.ts";
import { exactlyOneOf, literalProcessFields, processFields, textOf } from "./operator-fields.ts";
import { noDagFolder, resolveFromDag } from "./process-outcome.ts";
import { knownShells, runShell } from "./shell-process.ts";

const defaultShell = "bash";

/** Runs shell code or a script; it ends at the first command that fails. */
export const bashOperator: Operator = {
  type: "bash",
  inProcess: false,
  async execute(context): Promise<OperatorResult> {
    const { script, restricted } = context.config;
    const options = restricted === true ? ["--restricted"] : [];
    const shell = textOf(context.config, "shell", defaultShell);
    if (typeof script !== "string") {
      const text = textOf(context.config, "bash_command");
      return runShell(context, { file: shell, options }, { kind: "code", field: "bash_command", text });
    }
    const path = resolveFromDag(script, context);
    if (path === null) return noDagFolder("script", script);
    return runShell(context, { file: shell, options }, { kind: "script", path });
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
      restricted: z.boolean().optional().describe("True: the restricted shell of bash."),
      ...processFields,
    })
    .check(exactlyOneOf(["bash_command", "script"]))
    .refine(({ restricted, shell }) => restricted !== true || basename(shell ?? defaultShell) === "bash", {
      message: "must be bash, or a path of it, where `restricted` is true",
      path: ["shell"],
    }),
  code: { bash_command: "shell" },
  encloses: "process",
  literal: literalProcessFields,
  description: "Shell code or a script, with `set -euo pipefail`.",
};
