import type { AttemptDirectories } from "./attempt-directories.ts";
import { systemPath } from "./find-executable.ts";

/** Variables of the host that a task sees; anything else, such as keys and addresses of the worker, stays away. */
const allowedNames: ReadonlySet<string> = new Set([
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "SHELL",
  "LANG",
  "LANGUAGE",
  "TZ",
  "TERM",
  "LD_LIBRARY_PATH",
]);

/** Linux takes no longer `NAME=value`, its end included. */
const maxVariableBytes = 128 * 1024;

/** What an attempt is, for its `MILLRACE_…` variables. */
export interface AttemptFacts {
  readonly dagRunId: string;
  readonly dagId: string;
  readonly taskId: string;
  readonly tryNumber: number;
  /** RFC 3339. */
  readonly logicalDate: string;
  readonly idempotencyKey: string;
  readonly dagDirectory: string;
  /** Empty: no trace. */
  readonly traceparent: string;
}

/** The part of the host's variables that tasks may see. */
export function selectHostVariables(
  host: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const selected: Record<string, string> = { PATH: systemPath };
  for (const [name, value] of Object.entries(host)) {
    if (value !== undefined && (allowedNames.has(name) || name.startsWith("LC_"))) selected[name] = value;
  }
  return selected;
}

/** All variables of an attempt's processes; of two with one name the later layer wins, and ours win over all. */
export function buildAttemptEnvironment(
  layers: readonly Readonly<Record<string, string>>[],
  facts: AttemptFacts,
  directories: AttemptDirectories,
): Readonly<Record<string, string>> {
  return Object.assign({}, ...layers, {
    TMPDIR: directories.temporary,
    MILLRACE_RUN_ID: facts.dagRunId,
    MILLRACE_DAG_ID: facts.dagId,
    MILLRACE_TASK_ID: facts.taskId,
    MILLRACE_TRY_NUMBER: String(facts.tryNumber),
    MILLRACE_LOGICAL_DATE: facts.logicalDate,
    MILLRACE_IDEMPOTENCY_KEY: facts.idempotencyKey,
    MILLRACE_OUTPUT: directories.outputFile,
    MILLRACE_ARTIFACTS: directories.artifacts,
    MILLRACE_TMPDIR: directories.temporary,
    MILLRACE_DAG_DIR: facts.dagDirectory,
    ...(facts.traceparent === "" ? {} : { TRACEPARENT: facts.traceparent }),
  }) as Record<string, string>;
}

/** Why a process can't have these variables, by the name of the first that is at fault; null when it can. */
export function findEnvironmentProblem(environment: Readonly<Record<string, string>>): string | null {
  for (const [name, value] of Object.entries(environment)) {
    if (value.includes("\0") || name.includes("\0"))
      return `variable ${name} holds a NUL character, which no environment takes`;
    const bytes = Buffer.byteLength(name) + Buffer.byteLength(value) + 2;
    if (bytes > maxVariableBytes) {
      return `variable ${name} has ${bytes} bytes; an environment takes ${maxVariableBytes}: pass a reference or a file`;
    }
  }
  return null;
}
