import { isAbsolute, join } from "node:path";
import type { OperatorContext, OperatorResult, ProcessResult } from "./operator.ts";

const maxLineLength = 300;

/** What a process came to as the operator's result; `explain` may say more about a failure than its last line of stderr. */
export function toOperatorResult(
  result: ProcessResult,
  explain: (result: ProcessResult) => string = lastErrorLine,
): OperatorResult {
  if (result.failure !== null) return { kind: "failed", ...result.failure };
  if (result.exitCode === 0) return { kind: "success", exitCode: 0 };
  if (result.breach !== null) {
    const ended = result.signal === null ? { exitCode: result.exitCode ?? -1 } : { signal: result.signal };
    return { kind: "failed", ...result.breach, ...ended };
  }
  const said = explain(result);
  const detail = said === "" ? "" : `: ${said}`;
  if (result.signal !== null) {
    return { kind: "failed", code: "signal", message: `ended by ${result.signal}${detail}`, signal: result.signal };
  }
  if (result.exitCode === null) return { kind: "failed", code: "signal", message: "stopped before it started" };
  const message = `exit code ${result.exitCode}${detail}`;
  return { kind: "failed", code: "exit_code", message, exitCode: result.exitCode };
}

export function lastErrorLine({ stderrTail }: ProcessResult): string {
  const line = stderrTail.trimEnd().split("\n").at(-1) ?? "";
  return line.length <= maxLineLength ? line : `${line.slice(0, maxLineLength)}…`;
}

/**
 * The absolute form of a path in a definition, taken from the definition's folder; null for a relative one where no
 * such folder is shared.
 */
export function resolveFromDag(path: string, { dagDirectory }: OperatorContext): string | null {
  if (isAbsolute(path)) return path;
  return dagDirectory === "" ? null : join(dagDirectory, path);
}

export function noDagFolder(field: string, path: string): OperatorResult {
  const message = `${field} ${path} is relative, and the worker does not see the definition's folder; give an absolute path`;
  return { kind: "failed", code: "configuration", message };
}

/** Where the process starts: the operator's `working_directory`, else the fresh one; null where it can't be resolved. */
export function startDirectory(context: OperatorContext): string | null {
  const given = context.config["working_directory"];
  return typeof given === "string" ? resolveFromDag(given, context) : context.workingDirectory;
}
