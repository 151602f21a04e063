import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import type { OperatorContext, OperatorResult, ProcessOptions, ProcessResult } from "./operator.ts";
import { isPlainCommands } from "./plain-commands.ts";
import { noDagFolder, startDirectory, toOperatorResult } from "./process-outcome.ts";

/** Options that end a script at its first failure, by shell; those of the first kind also look inside pipelines. */
const strictOptions: Readonly<Record<string, readonly string[]>> = {
  bash: ["-eu", "-o", "pipefail"],
  zsh: ["-eu", "-o", "pipefail"],
  ksh: ["-eu", "-o", "pipefail"],
  sh: ["-eu"],
  dash: ["-eu"],
};

export const knownShells: readonly string[] = Object.keys(strictOptions);

/** Codes by which shells say that they can't read a script at all. */
const notExecutable = 126;
const notFound = 127;

const maxChecked = 1000;
/** Digests of code that passed its syntax check; the oldest is forgotten first. */
const checked = new Set<string>();

/** What to run: code, which is put into a file named after its field, or a script that is there already. */
export type ShellSource =
  | { readonly kind: "code"; readonly field: string; readonly text: string }
  | { readonly kind: "script"; readonly path: string };

/** The program of a shell, and its options besides those that end a script at its first failure. */
export interface Shell {
  readonly file: string;
  readonly options: readonly string[];
}

/**
 * Checks the syntax, then runs the source. Code is checked once per text, and not where its syntax can't be wrong; scripts
 * each time.
 */
export async function runShell(context: OperatorContext, shell: Shell, source: ShellSource): Promise<OperatorResult> {
  const cwd = startDirectory(context);
  if (cwd === null) return noDagFolder("working_directory", String(context.config["working_directory"]));
  const path = source.kind === "script" ? source.path : join(context.codeDirectory, source.field);
  const base = { file: shell.file, environment: context.environment, cwd };
  const code = source.kind === "code" ? { files: { [path]: source.text } } : {};
  const problem = await checkSyntax(context, { ...base, ...code, args: ["-n", path] }, source);
  if (problem !== null) return problem;
  // Long options stand before short ones.
  const args = [...shell.options, ...(strictOptions[basename(shell.file)] ?? []), path];
  return toOperatorResult(await context.startProcess({ ...base, ...code, args, isLast: true }));
}

/** Null when the syntax is right. */
async function checkSyntax(
  context: OperatorContext,
  options: ProcessOptions,
  source: ShellSource,
): Promise<OperatorResult | null> {
  if (source.kind === "code" && isPlainCommands(source.text, basename(options.file))) return null;
  const digest =
    source.kind === "code" ? createHash("sha256").update(`${options.file}\0${source.text}`).digest("hex") : null;
  if (digest !== null && checked.has(digest)) return null;
  const result = await context.startProcess({ ...options, logOutput: false });
  // A check may still come to its end after the order to stop; the command itself has not begun.
  if (result.stoppedBy !== null) return { kind: "failed", code: "signal", message: "stopped before it started" };
  if (result.failure !== null || result.exitCode === null) return toOperatorResult(result);
  if (result.exitCode === 0) {
    if (digest !== null) remember(digest);
    return null;
  }
  const message = describeProblem(result, source, options.args.at(-1) ?? "");
  context.log("system", message);
  return { kind: "failed", code: codeOf(result.exitCode), message, exitCode: result.exitCode };
}

function codeOf(exitCode: number): string {
  if (exitCode === notFound) return "not_found";
  return exitCode === notExecutable ? "permission_denied" : "syntax";
}

/** The shell's own words, with the field's name in place of the path of its file. */
function describeProblem({ stderrTail }: ProcessResult, source: ShellSource, path: string): string {
  return source.kind === "code" ? stderrTail.trim().replaceAll(path, source.field) : stderrTail.trim();
}

function remember(digest: string): void {
  checked.add(digest);
  const [oldest] = checked;
  if (checked.size > maxChecked && oldest !== undefined) checked.delete(oldest);
}
