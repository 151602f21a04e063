import { isAbsolute, join } from "node:path";
import { z } from "zod";
import { classifyPythonCommand } from "#core/classify-python-command.ts";
import type { OperatorSchema } from "#ports/operator-schema.ts";
import type { Operator, OperatorContext, OperatorResult, ProcessResult } from "./operator.ts";
import { exactlyOneOf, literalProcessFields, processFields, textOf } from "./operator-fields.ts";
import { lastErrorLine, noDagFolder, resolveFromDag, startDirectory, toOperatorResult } from "./process-outcome.ts";
import { atMostOneOfPackages, packageFields, withPackages } from "./python-packages.ts";
import { notCompiledExitCode, pythonLauncher } from "./python-launcher.ts";
import { runShell, type Shell } from "./shell-process.ts";

const interpreter = "python3";
const shell: Shell = { file: "bash", options: [] };
const maxTracebackLength = 2000;
const tracebackHeader = "Traceback (most recent call last):";

/** Runs Python: a script, a command line of the shell, or inline code. */
export const pythonOperator: Operator = {
  type: "python",
  inProcess: false,
  async execute(given): Promise<OperatorResult> {
    // Unbuffered, so that output is seen as it is written.
    const context = await withPackages({ ...given, environment: { PYTHONUNBUFFERED: "1", ...given.environment } });
    if ("kind" in context) return context;
    const { python_code: code, python_file: file } = context.config;
    if (typeof code === "string") return runInline(context, "python_code", code);
    if (typeof file === "string") return runFile(context, file);
    const text = textOf(context.config, "python_command");
    switch (classifyPythonCommand(text)) {
      case "inline":
        return runInline(context, "python_command", text);
      case "command_line":
        return runShell(context, shell, { kind: "code", field: "python_command", text });
      case "script":
        return runScript(context, text.trim());
    }
  },
};

export const pythonSchema: OperatorSchema = {
  fields: z
    .strictObject({
      python_command: z.string().min(1).optional().describe("A script with arguments, a command line, or Python code."),
      python_code: z.string().min(1).optional().describe("Python code."),
      python_file: z.string().min(1).optional().describe("A script, relative to the folder of the definition."),
      ...packageFields,
      ...processFields,
    })
    .check(exactlyOneOf(["python_command", "python_code", "python_file"]), atMostOneOfPackages),
  code: { python_command: "python_command", python_code: "python" },
  encloses: "process",
  literal: literalProcessFields,
  description: "A Python script, command line or inline code.",
};

/** The script is found from the definition's folder; its arguments are words of the shell. */
async function runScript(context: OperatorContext, text: string): Promise<OperatorResult> {
  const [word = ""] = text.split(/\s/, 1);
  if (!isAbsolute(word) && context.dagDirectory === "") return noDagFolder("script", word);
  const code = [
    `millrace_script=${word}`,
    `case "$millrace_script" in /*) ;; *) millrace_script="$MILLRACE_DAG_DIR/$millrace_script" ;; esac`,
    `exec ${interpreter} "$millrace_script"${text.slice(word.length)}`,
  ].join("\n");
  return runShell(context, shell, { kind: "code", field: "python_command", text: code });
}

async function runFile(context: OperatorContext, file: string): Promise<OperatorResult> {
  const path = resolveFromDag(file, context);
  if (path === null) return noDagFolder("python_file", file);
  return runPython(context, [path]);
}

async function runInline(context: OperatorContext, field: string, code: string): Promise<OperatorResult> {
  const path = join(context.codeDirectory, `${field}.py`);
  return runPython(context, ["-c", pythonLauncher, path], { [path]: code });
}

async function runPython(
  context: OperatorContext,
  args: readonly string[],
  files: Readonly<Record<string, string>> = {},
): Promise<OperatorResult> {
  const { environment } = context;
  const cwd = startDirectory(context);
  if (cwd === null) return noDagFolder("working_directory", String(context.config["working_directory"]));
  const result = await context.startProcess({ file: interpreter, args, environment, cwd, files, isLast: true });
  const outcome = toOperatorResult(result, explain);
  if (outcome.kind !== "failed" || outcome.code !== "exit_code") return outcome;
  if (isSyntaxError(result)) return { ...outcome, code: "syntax" };
  return isMissingFile(result) ? { ...outcome, code: "not_found" } : outcome;
}

/** The last line of the traceback, then the traceback itself, cut at its beginning. */
function explain(result: ProcessResult): string {
  const { stderrTail } = result;
  const start = stderrTail.lastIndexOf(tracebackHeader);
  if (start === -1) return lastErrorLine(result);
  const traceback = stderrTail.slice(start).trimEnd();
  const shown = traceback.length <= maxTracebackLength ? traceback : `…${traceback.slice(-maxTracebackLength)}`;
  return `${lastErrorLine(result)}\n${shown}`;
}

function isSyntaxError(result: ProcessResult): boolean {
  return (
    result.exitCode === notCompiledExitCode && /^(Syntax|Indentation|Tab|Value)Error\b/.test(lastErrorLine(result))
  );
}

function isMissingFile(result: ProcessResult): boolean {
  return result.exitCode === 2 && lastErrorLine(result).includes("can't open file");
}
