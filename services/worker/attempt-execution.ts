import { randomBytes } from "node:crypto";
import { closestName } from "#core/closest-name.ts";
import type { Operator, OperatorContext, OperatorResult, ProcessResult, StopReason } from "#operators/operator.ts";
import type { OperatorHost } from "#operators/operator-host.ts";
import type { OperatorCatalog } from "#operators/operator-catalog.ts";
import { withTempDir } from "#operators/temp-dir.ts";
import { noLimits, type UsageNow } from "#runner/attempt-limits.ts";
import { buildAttemptEnvironment, findEnvironmentProblem } from "#runner/attempt-environment.ts";
import type { Enclosure } from "#runner/enclosure/enclosure.ts";
import type { HostEnclosures } from "#runner/enclosure/host-enclosures.ts";
import type { RunnerAttemptHandle } from "#runner/runner-attempt-handle.ts";
import type { RunnerClient } from "#runner/runner-client.ts";
import type { LogPiece } from "#runner/runner-protocol.ts";
import type { SecretKeeper } from "#secrets/secret-keeper.ts";
import type { SecretSource } from "#secrets/secret-source.ts";
import type { SendArtifact } from "./artifact-keeping.ts";
import { type Assignment, type AttemptReport, failureReport } from "./attempt.ts";
import { type EnclosurePolicy, enclosureOf, notEnclosedReport } from "./attempt-enclosure.ts";
import { takeRemains } from "./attempt-remains.ts";
import { noOutputFile, toReport } from "./attempt-report.ts";
import { startWithSecrets } from "./secret-execution.ts";

/** How much of an attempt's log is under way before its first part is durable, in cost. */
const logCredit = 256 * 1024;
/** The longest time that one timer takes. */
const maxTimerMs = 2 ** 31 - 1;
const noDirectories = { workingDirectory: "", codeDirectory: "" };

export interface ExecutionOptions {
  readonly runner: RunnerClient;
  readonly host: OperatorHost;
  readonly operators: OperatorCatalog;
  readonly secrets: SecretSource;
  /** What tasks see of the host's variables. */
  readonly hostVariables: Readonly<Record<string, string>>;
  /** What this host can enclose attempts with, and what the worker allows in containers. */
  readonly enclosures: HostEnclosures;
  readonly containers: EnclosurePolicy;
  readonly onLog: (piece: LogPiece) => void;
  readonly sendArtifact: SendArtifact;
}

/** An attempt that runs on this worker. */
export interface Execution {
  /** Resolves when nothing of it runs any more. Never rejects. */
  readonly ended: Promise<AttemptReport>;
  /** Ends it before its end; the first reason is the one that is reported, the shortest grace the one that counts. */
  readonly stop: (reason: StopReason, graceMs: number) => void;
  readonly addLogCredit: (cost: number) => void;
  /** What its processes used when that was measured last; null: nobody has. Absent: it has none. */
  readonly usage?: () => UsageNow | null;
}

/** Starts an attempt: in this process if its operator has none of its own, else through the runner. */
export function startExecution(assignment: Assignment, options: ExecutionOptions): Execution {
  const operator = options.operators.find(assignment.operatorType);
  if (operator === undefined) return refused(unknownOperator(assignment.operatorType, options.operators));
  return startWithSecrets(assignment, options, (filled, masked, keeper) => {
    if (!runsHere(operator, filled, masked)) return runInRunner(operator, filled, { ...masked, keeper });
    if (filled.enclosure === undefined) return runHere(operator, filled, { ...masked, keeper });
    return refused(notEnclosedReport(`${operator.type} runs in the worker's own process, which nothing can enclose`));
  });
}

interface KeepingOptions extends ExecutionOptions {
  readonly keeper: SecretKeeper;
}

function runsHere({ inProcess }: Operator, { operator }: Assignment, { host }: ExecutionOptions): boolean {
  return typeof inProcess === "boolean" ? inProcess : inProcess(operator, host);
}

function refused(report: AttemptReport): Execution {
  return { ended: Promise.resolve(report), stop: () => {}, addLogCredit: () => {} };
}

function unknownOperator(type: string, { types }: OperatorCatalog): AttemptReport {
  const near = closestName(type, types);
  return failureReport(
    "configuration",
    `this worker has no operator ${type}${near === null ? "" : `; the nearest is ${near}`}`,
  );
}

/** Without directories, files and processes: what it costs is the operator alone. */
function runHere(operator: Operator, assignment: Assignment, options: KeepingOptions): Execution {
  const startedAt = performance.now();
  const stopping = createStopping();
  // What does not end with its grace goes on unseen: its attempt's log is closed.
  let isOver = false;
  const onLog = (piece: LogPiece): void => (isOver ? undefined : options.onLog(piece));
  const context: OperatorContext = {
    ...sharedContext(assignment, stopping.signal, { ...options, onLog }),
    ...noDirectories,
    environment: assignment.environment,
    startProcess: () => Promise.reject(new Error(`${operator.type} runs in the worker's process and starts none`)),
  };
  const timeout = armTimeout(assignment, stopping.stop);
  const returned = catchThrown(() => operator.execute(context));
  const ended = Promise.race([returned, stopping.graceOver]).then((result) => {
    isOver = true;
    clearTimeout(timeout);
    stopping.dispose();
    const { timeoutMs } = assignment;
    const stopped = stopping.reason === null ? null : { reason: stopping.reason };
    return toReport({
      result,
      stopped,
      timeoutMs,
      durationMs: performance.now() - startedAt,
      file: noOutputFile,
      lastStdoutLine: null,
    });
  });
  return { ended, stop: stopping.stop, addLogCredit: () => {} };
}

function runInRunner(operator: Operator, received: Assignment, options: KeepingOptions): Execution {
  const enclosure = enclosureOf(received, options.enclosures, options.containers);
  if (enclosure !== null && "durationMs" in enclosure) return refused(enclosure);
  const startedAt = performance.now();
  const handle = options.runner.open({
    enclosure,
    token: randomBytes(8).toString("hex"),
    logMaxBytes: received.logMaxBytes,
    credit: logCredit,
    captureStdout: received.captureStdout,
    limits: received.limits ?? noLimits,
    masked: options.keeper.forms,
    onLog: options.onLog,
  });
  const assignment = fillTempDir(received, handle.directories.temporary);
  let lastLogged: ProcessResult | null = null;
  let stoppedBy: StopReason | null = null;
  const stopping = createStopping((reason, graceMs) => {
    handle.stop(reason, graceMs);
    void operator.stop?.(context).catch(() => undefined);
  });
  const context: OperatorContext = {
    ...sharedContext(assignment, stopping.signal, options),
    environment: environmentOf(assignment, handle, variablesFor(enclosure, handle, options.hostVariables)),
    workingDirectory: handle.directories.work,
    codeDirectory: handle.directories.code,
    startProcess: async (process) => {
      const result = await handle.startProcess(process);
      if (process.logOutput !== false) lastLogged = result;
      stoppedBy ??= result.stoppedBy;
      return result;
    },
  };
  const timeout = armTimeout(assignment, stopping.stop);
  const finish = async (): Promise<AttemptReport> => {
    const problem = findEnvironmentProblem(context.environment);
    const result = problem === null ? await catchThrown(() => operator.execute(context)) : configurationError(problem);
    clearTimeout(timeout);
    const file = await takeRemains(handle, {
      send: options.sendArtifact,
      signal: stopping.discarded,
      say: (text) => context.log("system", text),
    });
    stopping.dispose();
    const reason = stoppedBy ?? stopping.reason;
    const wasStopped = reason !== null && (result.kind !== "success" || stoppedBy !== null);
    return toReport({
      result,
      stopped: wasStopped ? { reason } : null,
      timeoutMs: assignment.timeoutMs,
      durationMs: performance.now() - startedAt,
      file,
      lastStdoutLine: assignment.captureStdout ? (lastLogged?.lastStdoutLine ?? "") : null,
    });
  };
  return {
    ended: finish(),
    stop: stopping.stop,
    addLogCredit: (cost) => handle.addCredit(cost),
    usage: () => handle.usage,
  };
}

function fillTempDir(assignment: Assignment, directory: string): Assignment {
  const { operator, environment, values } = assignment;
  return { ...assignment, ...withTempDir({ operator, environment, values }, directory) };
}

function sharedContext(assignment: Assignment, signal: AbortSignal, { onLog, host, keeper }: KeepingOptions) {
  const { ref, dagId, maxTries, operator, parameters, dagDirectory, graceMs, logicalDate, idempotencyKey } = assignment;
  return {
    attempt: {
      dagRunId: ref.dagRunId,
      dagId,
      taskId: ref.taskId,
      tryNumber: ref.tryNumber,
      maxTries,
      logicalDate,
      idempotencyKey,
    },
    config: operator,
    parameters,
    dagDirectory,
    host,
    signal,
    graceMs,
    keepSecret: (secret: string) => keeper.add(secret),
    log: (source: "stdout" | "stderr" | "system", text: string) =>
      onLog({ entries: [{ source, at: Date.now(), text }], droppedBytes: 0, cost: 0 }),
  };
}

function environmentOf(
  assignment: Assignment,
  handle: RunnerAttemptHandle,
  hostVariables: Readonly<Record<string, string>>,
) {
  const { ref, dagId, logicalDate, idempotencyKey, dagDirectory, traceparent } = assignment;
  const { dagRunId, taskId, tryNumber } = ref;
  const facts = { dagRunId, dagId, taskId, tryNumber, logicalDate, idempotencyKey, dagDirectory, traceparent };
  const layers = [hostVariables, assignment.environment, operatorEnvironment(assignment.operator), assignment.values];
  return buildAttemptEnvironment(layers, facts, handle.directories);
}

/** A container has its image's variables; what is confined does not see the home of the worker's user. */
function variablesFor(
  enclosure: Enclosure | null,
  { directories }: RunnerAttemptHandle,
  hostVariables: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  if (enclosure === null) return hostVariables;
  if (enclosure.kind === "container") return {};
  return enclosure.filesystem === "open" ? hostVariables : { ...hostVariables, HOME: directories.work };
}

/** The operator's own `environment` wins over the task's. */
function operatorEnvironment({ environment }: Assignment["operator"]): Readonly<Record<string, string>> {
  if (typeof environment !== "object" || environment === null) return {};
  const texts = Object.entries(environment).map(([name, value]) => [
    name,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  return Object.fromEntries(texts) as Record<string, string>;
}

function armTimeout({ timeoutMs, graceMs }: Assignment, stop: Execution["stop"]): NodeJS.Timeout | undefined {
  return timeoutMs === null ? undefined : setTimeout(() => stop("timeout", graceMs), Math.min(timeoutMs, maxTimerMs));
}

type Ended = OperatorResult | { readonly kind: "thrown"; readonly error: unknown };

function catchThrown(execute: () => Promise<OperatorResult>): Promise<Ended> {
  try {
    return execute().catch((error: unknown) => ({ kind: "thrown", error }));
  } catch (error) {
    return Promise.resolve({ kind: "thrown", error });
  }
}

function configurationError(message: string): OperatorResult {
  return { kind: "failed", code: "configuration", message };
}

interface Stopping {
  readonly signal: AbortSignal;
  readonly reason: StopReason | null;
  /** Aborted when what the attempt leaves is nobody's business any more: by any stop but a timeout. */
  readonly discarded: AbortSignal;
  /** Resolves when an operator that ignores the signal has had its grace. */
  readonly graceOver: Promise<Ended>;
  readonly stop: Execution["stop"];
  readonly dispose: () => void;
}

function createStopping(onStop: Execution["stop"] = () => {}): Stopping {
  const controller = new AbortController();
  const discarding = new AbortController();
  const { promise: graceOver, resolve: endGrace } = Promise.withResolvers<Ended>();
  let reason: StopReason | null = null;
  let graceEndsAt = Number.POSITIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  const giveUp = () => endGrace({ kind: "thrown", error: new Error("it did not end within its grace") });
  return {
    signal: controller.signal,
    discarded: discarding.signal,
    graceOver,
    get reason() {
      return reason;
    },
    stop: (next, graceMs) => {
      reason ??= next;
      controller.abort();
      if (next !== "timeout") discarding.abort();
      onStop(next, graceMs);
      graceEndsAt = Math.min(graceEndsAt, performance.now() + graceMs);
      clearTimeout(timer);
      timer = setTimeout(giveUp, Math.min(Math.max(0, graceEndsAt - performance.now()), maxTimerMs));
    },
    dispose: () => clearTimeout(timer),
  };
}
