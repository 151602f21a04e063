import { AppError } from "#errors/app-error.ts";
import type { StopReason } from "#operators/operator.ts";
import type { LogPiece } from "#runner/runner-protocol.ts";
import { fillSecrets } from "#secrets/secret-markers.ts";
import { createSecretKeeper, type SecretKeeper } from "#secrets/secret-keeper.ts";
import type { SecretSource } from "#secrets/secret-source.ts";
import { type Assignment, type AttemptReport, failureReport } from "./attempt.ts";
import type { Execution, ExecutionOptions } from "./attempt-execution.ts";
import { noOutputFile, toReport } from "./attempt-report.ts";

/** Starts the attempt itself, with all secrets in their places. */
type StartFilled = (assignment: Assignment, options: ExecutionOptions, keeper: SecretKeeper) => Execution;

/**
 * Reads the secrets that the assignment names, puts them in their places, and starts the attempt. What it logs and reports
 * is masked, outputs too: nothing of a secret leaves the worker. An attempt that is stopped before it has them never starts.
 */
export function startWithSecrets(assignment: Assignment, options: ExecutionOptions, start: StartFilled): Execution {
  const keeper = createSecretKeeper();
  const masked = { ...options, onLog: (piece: LogPiece) => options.onLog(maskPiece(piece, keeper)) };
  if (Object.keys(assignment.secrets).length === 0) {
    const execution = start(assignment, masked, keeper);
    return { ...execution, ended: execution.ended.then((report) => maskReport(report, keeper)) };
  }
  const controller = new AbortController();
  let inner: Execution | null = null;
  let stopped: StopReason | null = null;
  const run = async (): Promise<AttemptReport> => {
    const secrets = await readSecrets(assignment.secrets, options.secrets, { keeper, signal: controller.signal });
    if (stopped !== null) return stoppedReport(assignment, stopped);
    if ("kind" in secrets) return secrets;
    inner = start(fill(assignment, secrets), masked, keeper);
    return inner.ended;
  };
  return {
    ended: run().then((report) => maskReport(report, keeper)),
    stop: (reason, graceMs) => {
      stopped ??= reason;
      controller.abort();
      inner?.stop(reason, graceMs);
    },
    addLogCredit: (cost) => inner?.addLogCredit(cost),
    usage: () => inner?.usage?.() ?? null,
  };
}

/** By their markers; the report of a failure when one can't be read. */
async function readSecrets(
  names: Assignment["secrets"],
  source: SecretSource,
  { keeper, signal }: { readonly keeper: SecretKeeper; readonly signal: AbortSignal },
): Promise<ReadonlyMap<string, string> | AttemptReport> {
  const secrets = new Map<string, string>();
  for (const [marker, name] of Object.entries(names)) {
    try {
      const secret = await source.read(name, signal);
      keeper.add(secret);
      secrets.set(marker, secret);
    } catch (error) {
      if (signal.aborted) return secrets;
      const { message, retryable } = AppError.from(error);
      return failureReport(retryable ? "secret_unavailable" : "configuration", message);
    }
  }
  return secrets;
}

function fill(assignment: Assignment, secrets: ReadonlyMap<string, string>): Assignment {
  const { operator, environment, values } = assignment;
  return { ...assignment, ...fillSecrets({ operator, environment, values }, secrets) };
}

function stoppedReport({ timeoutMs }: Assignment, reason: StopReason): AttemptReport {
  const result = { kind: "thrown", error: new Error("stopped before it started") } as const;
  return toReport({ result, stopped: { reason }, timeoutMs, durationMs: 0, file: noOutputFile, lastStdoutLine: null });
}

function maskPiece(piece: LogPiece, keeper: SecretKeeper): LogPiece {
  if (keeper.forms.length === 0) return piece;
  return { ...piece, entries: piece.entries.map((entry) => ({ ...entry, text: keeper.maskText(entry.text) })) };
}

function maskReport(report: AttemptReport, keeper: SecretKeeper): AttemptReport {
  if (keeper.forms.length === 0) return report;
  const outputs = report.outputs.map(({ key, json }) => ({ key, json: keeper.maskText(json) }));
  return report.kind === "failed"
    ? { ...report, outputs, message: keeper.maskText(report.message) }
    : { ...report, outputs };
}
