import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { TemplateDocument } from "#definition/templates/definition-documents.ts";
import { parseReference } from "#definition/templates/template-reference.ts";
import { instantiate } from "#definition/templates/instantiate.ts";
import { readGivenInstance } from "#definition/templates/read-given.ts";
import { AppError, describeError } from "#errors/app-error.ts";
import { type CliContext, exitCodes } from "../context.ts";
import { loadOperators } from "../load-operators.ts";
import { parseParameterFlags } from "../parameter-flags.ts";
import { renderProblems } from "../rendering/problem-lines.ts";
import { type Flags, settingsFromFlags } from "../settings-from-flags.ts";
import { findTemplate, readFolder } from "./read-folder.ts";
import { unreadableFile } from "../unreadable-file.ts";

export interface CreateFlags extends Flags {
  readonly params?: string;
  readonly param: readonly string[];
  readonly id?: string;
  readonly outputFile?: string;
}

/** Prints, or writes, the definition that a template makes of the parameters. */
export async function createDefinition(name: string, flags: CreateFlags, context: CliContext): Promise<void> {
  const settings = await settingsFromFlags(flags, context);
  const { schemas: operators } = await loadOperators(settings);
  const { catalog } = await readFolder(settings);
  const template = findTemplate(catalog, name);
  const { params: file } = flags;
  const read = readGivenInstance(file === undefined ? "" : await readParameters(file, context), {
    file: file ?? "parameters",
    template: parseReference(name),
    id: flags.id,
    more: parseParameterFlags(flags.param, declaredBy(template)),
  });
  const made =
    read.kind === "invalid"
      ? { ...read, written: null, definition: null }
      : instantiate(read.instance, {
          catalog,
          operators,
          maxTaskTimeoutMs: settings.limits.maxTaskTimeoutMs,
          instanceName: flags.id ?? "instance",
        });
  if (made.problems.length > 0) {
    context.terminal.writeError(`${renderProblems(made.problems, context.terminal.paintError).join("\n")}\n`);
  }
  if (made.definition === null || made.written === null) return context.setExitCode(exitCodes.usage);
  const { stringify } = await import("yaml");
  const text = stringify(made.written, { lineWidth: 120, aliasDuplicateObjects: false });
  if (flags.outputFile === undefined) return context.terminal.write(text);
  await writeNew(resolve(context.directory, flags.outputFile), flags.outputFile, text);
  context.terminal.write(`wrote ${flags.outputFile}\n`);
}

/** A file that is there stays: it may have been changed by hand. */
async function writeNew(path: string, name: string, text: string): Promise<void> {
  await writeFile(path, text, { flag: "wx" }).catch((cause: unknown) => {
    throw new AppError("INVALID_ARGUMENT", `can't write ${name}: ${describeError(cause)}`, { cause });
  });
}

async function readParameters(file: string, context: CliContext): Promise<string> {
  return readFile(resolve(context.directory, file), "utf8").catch((cause: unknown) => {
    throw unreadableFile(file, cause);
  });
}

function declaredBy({ parameters }: TemplateDocument): Parameters<typeof parseParameterFlags>[1] {
  return Object.fromEntries([...parameters].map(([name, { definition }]) => [name, definition]));
}
