import { access } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { OperatorContext, OperatorResult, ProcessOptions, ProcessResult, StartProcess } from "./operator.ts";
import { lastErrorLine, noDagFolder, resolveFromDag } from "./process-outcome.ts";
import { virtualenvExitCodes, virtualenvScript } from "./python-virtualenv-script.ts";

const interpreter = "python3";
/** More virtualenvs than this are removed, those first that were used least recently; never one that is in use. */
const keptVirtualenvs = 20;
const ownPrefix = "millrace: ";

/** Fields of tasks that need packages. */
export const packageFields: {
  virtualenv: z.ZodOptional<z.ZodString>;
  requirements: z.ZodOptional<z.ZodType<string | string[]>>;
} = {
  virtualenv: z.string().min(1).optional().describe("A virtualenv that exists, relative to the definition's folder."),
  requirements: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1).max(1000)])
    .optional()
    .describe("Packages for pip, as a list or as a file; the worker makes a virtualenv of each set once."),
};

/** Refuses both at once: what is made for requirements is not to be changed. */
export function atMostOneOfPackages({ value, issues }: z.core.ParsePayload<Record<string, unknown>>): void {
  if (value["virtualenv"] === undefined || value["requirements"] === undefined) return;
  const message = "needs at most one of virtualenv, requirements";
  issues.push({ code: "custom", message, input: value, path: ["requirements"] });
}

/** The context in which `python3` is the one with the packages that the task names; a failure where there can't be one. */
export async function withPackages(context: OperatorContext): Promise<OperatorContext | OperatorResult> {
  const { virtualenv, requirements } = context.config;
  if (typeof virtualenv === "string") return inVirtualenv(context, virtualenv);
  if (requirements === undefined) return context;
  if (typeof requirements === "string") {
    const file = resolveFromDag(requirements, context);
    return file === null ? noDagFolder("requirements", requirements) : inManaged(context, { file });
  }
  return inManaged(context, { text: (requirements as readonly unknown[]).map(String).join("\n") });
}

async function inVirtualenv(context: OperatorContext, given: string): Promise<OperatorContext | OperatorResult> {
  const home = resolveFromDag(given, context);
  if (home === null) return noDagFolder("virtualenv", given);
  const programs = join(home, "bin");
  try {
    await access(join(programs, interpreter));
  } catch {
    const message = `${home} is no virtualenv: it has no bin/${interpreter}; make one with ${interpreter} -m venv`;
    return { kind: "failed", code: "not_found", message };
  }
  const path = [programs, context.environment["PATH"] ?? ""].filter((part) => part !== "").join(":");
  return { ...context, environment: { ...context.environment, VIRTUAL_ENV: home, PATH: path } };
}

/** Each process that is the task's own, not one that only checks, starts within the virtualenv of the requirements. */
function inManaged(
  context: OperatorContext,
  wanted: { readonly file: string } | { readonly text: string },
): OperatorContext {
  const root = context.host.virtualenvs;
  const file = "file" in wanted ? wanted.file : join(context.codeDirectory, "requirements.txt");
  const written = "text" in wanted ? { [file]: `${wanted.text}\n` } : {};
  const startProcess: StartProcess = async (options) => {
    if (options.logOutput === false) return context.startProcess(options);
    const args = ["-I", "-c", virtualenvScript, root, file, String(keptVirtualenvs), options.file, ...options.args];
    const within: ProcessOptions = { ...options, file: interpreter, args, files: { ...options.files, ...written } };
    return named(await context.startProcess(within));
  };
  return { ...context, startProcess };
}

/** What the script says of itself is a failure before the task's own start. */
function named(result: ProcessResult): ProcessResult {
  const said = lastErrorLine(result);
  if (!said.startsWith(ownPrefix)) return result;
  const message = said.slice(ownPrefix.length);
  if (result.exitCode === virtualenvExitCodes.unreachable)
    return { ...result, failure: { code: "connection", message } };
  if (result.exitCode === virtualenvExitCodes.unusable)
    return { ...result, failure: { code: "configuration", message } };
  return result;
}
