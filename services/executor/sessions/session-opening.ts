import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { AppError } from "#errors/app-error.ts";
import { type AttemptRef, type Hello, WelcomeSchema } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { Clock } from "#ports/clock.ts";
import type { HeldAttempt as HeldRow } from "#ports/run-store.ts";
import type { Store } from "#ports/store.ts";
import type { KeptOutcome } from "#ports/worker-store.ts";
import { reconcileHeld } from "./held-reconciliation.ts";
import { toResourceAmounts } from "./resources-message.ts";
import { type RunEffects, sendStop } from "../runs/run-effects.ts";
import { WorkerSession } from "./session.ts";
import type { SessionRegistry } from "./session-registry.ts";
import type { Submission, SubmissionResult } from "../runs/turn.ts";

/** The version of the session protocol that this executor speaks. */
const protocolVersion = 1;
/** Workers of the version before are served too, so that executors can be upgraded first and rolled back last. */
const oldestProtocolVersion = 1;

/** A worker that was ended from outside while its session was down gets this long to clean up. */
const lateStopGraceMs = 5000;

export interface SessionOpeningOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly executorId: string;
  readonly programVersion: string;
  readonly workerLeaseMs: number;
  readonly heartbeatIntervalMs: number;
  readonly redispatchAfterMs: number;
  readonly sessions: SessionRegistry;
  readonly effects: RunEffects;
  readonly submit: (submission: Submission) => Promise<SubmissionResult>;
}

const refusals = {
  id_in_use: "a live worker has this id; give this one its own --worker-id or data directory",
  older_connection: "it has opened a later session; this one was given up",
  incarnation_lost: "this start of the worker was declared lost; it must begin a new one",
} as const;

/** Registers a worker, answers its hello, and settles with it what it has and what it should have. */
export async function openSession(options: SessionOpeningOptions, hello: Hello): Promise<WorkerSession> {
  checkHello(hello, options.programVersion);
  const { store, executorId, workerLeaseMs } = options;
  const registered = await store.workers.register({
    workerId: hello.workerId,
    incarnation: hello.incarnation,
    predecessors: [...hello.earlierIncarnations, hello.previousIncarnation].filter((one) => one !== ""),
    outcomes: hello.outcomes.map(toKeptOutcome),
    connection: Number(hello.connection),
    hostname: hello.hostname,
    version: hello.programVersion,
    queues: hello.queues,
    slots: hello.slots,
    labels: hello.labels,
    capabilities: hello.capabilities,
    hostCapabilities: hello.hostCapabilities,
    resources: toResourceAmounts(hello.resources),
    executorId,
    leaseMs: workerLeaseMs,
  });
  if (registered.kind === "refused") {
    throw new AppError("WORKER_REFUSED", `worker ${hello.workerId}: ${refusals[registered.reason]}`, {
      details: { reason: registered.reason },
    });
  }
  const session = new WorkerSession({
    workerKey: registered.workerKey,
    workerId: hello.workerId,
    sessionNumber: registered.sessionNumber,
    slots: hello.slots,
    queues: hello.queues,
    traits: { labels: hello.labels, operators: hello.capabilities, capabilities: hello.hostCapabilities },
    resources: toResourceAmounts(hello.resources),
    leaseMs: workerLeaseMs,
    counts: registered.counts,
    isAlone: (one) => options.sessions.isAlone(one),
    offerMs: options.redispatchAfterMs,
    clock: options.clock,
  });
  await welcome(options, session, hello.held);
  if (registered.drainReason !== null) session.orderDrain(registered.drainReason);
  return session;
}

async function welcome(
  options: SessionOpeningOptions,
  session: WorkerSession,
  named: readonly AttemptRef[],
): Promise<void> {
  const rows = await options.store.runs.listHeldByWorker(session.workerKey);
  const { verdicts, resend, release } = reconcileHeld(rows, named);
  session.send({
    case: "welcome",
    value: create(WelcomeSchema, {
      sessionNumber: BigInt(session.sessionNumber),
      protocolVersion,
      programVersion: options.programVersion,
      lease: durationFromMs(options.workerLeaseMs),
      heartbeatInterval: durationFromMs(options.heartbeatIntervalMs),
      held: verdicts.map(({ ref, verdict }) => ({ attempt: ref, verdict })),
      takesLogsWithOutcomes: true,
    }),
  });
  for (const { ref, row } of verdicts) {
    if (row === null) continue;
    const held = session.hold(row.runKey, row.ordinal, ref, row.requests);
    held.isSent = true;
    if (!row.isRunning) sendStop(session, held, "ended", lateStopGraceMs);
  }
  await sendMissing(options, session, resend, release);
}

/** Attempts that are this worker's and never reached it are sent again; ended ones that it never had are released. */
export async function sendMissing(
  { store, effects, submit }: Pick<SessionOpeningOptions, "store" | "effects" | "submit">,
  session: WorkerSession,
  resend: readonly HeldRow[],
  release: readonly HeldRow[],
): Promise<void> {
  for (const row of resend) {
    const [result] = await store.runs.changeRuns([{ runKey: row.runKey, decide: () => null }]);
    const instance = result?.kind === "unchanged" ? result.run.instances[row.ordinal] : undefined;
    const isStillTheirs = instance?.state === "running" && instance.heldFence === row.fence;
    if (result?.kind === "unchanged" && instance !== undefined && isStillTheirs)
      effects.assign(session, result.run, instance);
  }
  await Promise.all(
    release.map((row) =>
      submit({
        runKey: row.runKey,
        event: { kind: "released", ordinal: row.ordinal, fence: row.fence },
        freesSlotOf: null,
      }),
    ),
  );
}

function toKeptOutcome({ dagRunId: runId, taskId, mapIndex, fence }: AttemptRef): KeptOutcome {
  return { runId, taskId, mapIndex: mapIndex ?? null, fence: Number(fence) };
}

function checkHello(hello: Hello, programVersion: string): void {
  if (hello.protocolVersion < oldestProtocolVersion || hello.protocolVersion > protocolVersion) {
    const advice = hello.protocolVersion < protocolVersion ? "upgrade the worker" : "upgrade the executors first";
    throw new AppError(
      "WORKER_REFUSED",
      `worker ${hello.workerId} (program ${hello.programVersion}) speaks session protocol ${hello.protocolVersion}, this executor (program ${programVersion}) ${protocolVersion}; ${advice}`,
    );
  }
  if (hello.workerId === "" || hello.incarnation === "")
    throw new AppError("INVALID_ARGUMENT", "a hello needs worker_id and incarnation");
  if (hello.slots < 1 || hello.queues.length === 0)
    throw new AppError("INVALID_ARGUMENT", `worker ${hello.workerId} needs at least one slot and one queue`);
}
