import { AppError, describeError } from "#errors/app-error.ts";
import type { OperatorResult, StopReason } from "#operators/operator.ts";
import { checkOutputs, maxOutputKeys, maxOutputsBytes } from "#runner/parse-outputs.ts";
import type { ClosedAttempt } from "#runner/runner-attempt-handle.ts";
import type { Output } from "#runner/runner-protocol.ts";
import { formatDuration } from "#schedule/duration.ts";
import { type AttemptReport, failureReport, interruptedReport } from "./attempt.ts";

/** The output that `capture_stdout` makes. */
const returnValueKey = "return_value";
const maxMessageLength = 4000;

/** All that is known of an attempt when nothing of it runs any more. */
export interface AttemptEnd {
  /** What the operator returned or threw. */
  readonly result: OperatorResult | { readonly kind: "thrown"; readonly error: unknown };
  /** Why it was stopped before its end; null when it was not. */
  readonly stopped: { readonly reason: StopReason } | null;
  readonly timeoutMs: number | null;
  readonly durationMs: number;
  /** What it wrote to its output file, and what its processes used. */
  readonly file: ClosedAttempt;
  /** Null: not to be captured. */
  readonly lastStdoutLine: string | null;
}

const noFile: ClosedAttempt = { outputs: [], problem: null };

/** For operators without a process. */
export const noOutputFile: ClosedAttempt = noFile;

/** What is reported of an attempt. A timeout or drain has the last word, whatever the process made of it. */
export function toReport(end: AttemptEnd): AttemptReport {
  const { usage } = end.file;
  const measured = { durationMs: end.durationMs, ...(usage === undefined ? {} : { usage }) };
  const report = end.stopped === null ? reportResult(end) : reportStop(end, end.stopped.reason);
  if (report.kind !== "failed") return { ...report, ...measured };
  return {
    ...report,
    message: cleanMessage(report.message),
    outputs: report.outputs.length > 0 ? report.outputs : end.file.outputs,
    ...measured,
  };
}

function reportResult(end: AttemptEnd): AttemptReport {
  const { result } = end;
  const base = { durationMs: end.durationMs, logChunks: 0, outputs: [] };
  switch (result.kind) {
    case "success":
      return reportSuccess(end, result);
    case "skipped":
      return { ...base, kind: "skipped" };
    case "deferred":
      return { ...base, kind: "deferred", dueAt: result.dueAt, waitsFor: result.waitsFor };
    case "thrown":
      return failureReport("failed", `the operator failed: ${describeError(result.error)}`);
    case "failed":
      return {
        ...base,
        kind: "failed",
        code: result.code,
        message: result.message,
        exitCode: result.exitCode ?? null,
        signal: result.signal ?? null,
        retryable: result.retryable ?? null,
        retryAfterMs: result.retryAfterMs ?? null,
      };
  }
}

/** A success whose outputs can't be used is a failure: children would go without them. */
function reportSuccess(end: AttemptEnd, result: Extract<OperatorResult, { kind: "success" }>): AttemptReport {
  if (end.file.problem !== null) return failureReport("invalid_output", end.file.problem);
  try {
    const outputs = collectOutputs(end, result.outputs ?? {});
    return { kind: "success", exitCode: result.exitCode ?? null, durationMs: end.durationMs, logChunks: 0, outputs };
  } catch (error) {
    if (error instanceof AppError) return failureReport("invalid_output", error.message);
    throw error;
  }
}

/** Of one key the operator's word counts over the file's, and that over a captured line. */
function collectOutputs(end: AttemptEnd, returned: Readonly<Record<string, unknown>>): readonly Output[] {
  const captured = end.lastStdoutLine === null ? [] : checkOutputs(new Map([[returnValueKey, end.lastStdoutLine]]));
  const own = checkOutputs(new Map(Object.entries(returned)));
  if (captured.length === 0 && own.length === 0) return end.file.outputs;
  const byKey = new Map([...captured, ...end.file.outputs, ...own].map((output) => [output.key, output]));
  const outputs = [...byKey.values()];
  const bytes = outputs.reduce((sum, { json }) => sum + Buffer.byteLength(json), 0);
  if (outputs.length > maxOutputKeys || bytes > maxOutputsBytes) {
    throw new AppError(
      "INVALID_OUTPUT",
      `outputs: at most ${maxOutputKeys} keys and ${maxOutputsBytes} bytes together: put references`,
    );
  }
  return outputs;
}

function reportStop({ result, timeoutMs }: AttemptEnd, reason: StopReason): AttemptReport {
  const ended =
    result.kind === "failed"
      ? { exitCode: result.exitCode ?? null, signal: result.signal ?? null }
      : { exitCode: null, signal: null };
  switch (reason) {
    case "timeout":
      return { ...failureReport("timeout", `timed out after ${formatDuration(timeoutMs ?? 0)}`), ...ended };
    case "drain":
      return { ...interruptedReport(), ...ended };
    case "cancel":
      return { ...failureReport("killed", "stopped from outside"), ...ended };
    case "lease_lost":
      return { ...failureReport("worker_lost", "killed because the worker's lease was over"), ...ended };
  }
}

/** As a database takes it. */
function cleanMessage(message: string): string {
  const short = message.length <= maxMessageLength ? message : `${message.slice(0, maxMessageLength)}…`;
  return short.replaceAll("\0", "␀").toWellFormed();
}
