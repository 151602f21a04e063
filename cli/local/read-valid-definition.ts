import { readFile } from "node:fs/promises";
import type { Settings } from "#config/settings-schema.ts";
import { readDefinition } from "#services/parser/read-definition.ts";
import type { CliContext } from "../context.ts";
import { loadOperators } from "../load-operators.ts";
import { renderProblems } from "../rendering/problem-lines.ts";
import { templatesFor } from "../templates/template-files.ts";
import type { ValidDefinition } from "./local-run.ts";
import { unreadableFile } from "../unreadable-file.ts";

/** The definition of a file. Null when it is wrong: its problems are printed, as warnings are. */
export async function readValidDefinition(
  file: string,
  settings: Settings,
  context: CliContext,
): Promise<ValidDefinition | null> {
  const content = await readFile(file).catch((cause: unknown) => {
    throw unreadableFile(file, cause);
  });
  const templates = await templatesFor(file, settings.dags);
  const { schemas: operators } = await loadOperators(settings);
  const rules = { operators, maxTaskTimeoutMs: settings.limits.maxTaskTimeoutMs, templates };
  const read = readDefinition(content, file, rules);
  const problems = read.kind === "valid" ? read.warnings : read.problems;
  if (problems.length > 0) {
    context.terminal.writeError(`${renderProblems(problems, context.terminal.paintError).join("\n")}\n`);
  }
  return read.kind === "valid" ? read : null;
}
