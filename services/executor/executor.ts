import { create } from "@bufbuild/protobuf";
import { AppError, describeError } from "#errors/app-error.ts";
import { ExecutorService } from "#gen/millrace/v1/executor_service_pb.js";
import { DrainSchema, WorkerSessionService } from "#gen/millrace/v1/worker_session_service_pb.js";
import { operatorSchemas } from "#operators/registry.ts";
import type { NewLogChunk } from "#ports/log-store.ts";
import type { Store } from "#ports/store.ts";
import type { WorkerBeat } from "#ports/worker-store.ts";
import type { Service } from "#rpc/service.ts";
import type { Logger } from "#telemetry/logger.ts";
import { AssignmentBuilder } from "./assignment-builder.ts";
import { Dispatcher } from "./dispatcher.ts";
import { processDue } from "./due-loop.ts";
import { EventRelay } from "./event-relay.ts";
import { createExecutorService } from "./executor-service.ts";
import { PacedLoop } from "./paced-loop.ts";
import { Reaper } from "./reaper.ts";
import { RepairScan } from "./repair-scan.ts";
import { RunEffects } from "./run-effects.ts";
import { RunWriter } from "./run-writer.ts";
import { SessionHandler } from "./session-handler.ts";
import { openSession } from "./session-opening.ts";
import { SessionRegistry } from "./session-registry.ts";
import { TurnBatcher } from "./turn-batcher.ts";
import { createWorkerSessionService } from "./worker-session-service.ts";

export interface ExecutorOptions {
  readonly store: Store;
  readonly executorId: string;
  readonly backend: "local" | "stream";
  readonly programVersion: string;
  readonly workerLeaseMs: number;
  readonly heartbeatIntervalMs: number;
  readonly scanIntervalMs: number;
  /** False: everything goes through the dispatcher; results are the same. */
  readonly handOff: boolean;
  readonly dagsDirectory: string;
  readonly logMaxBytes: number;
  readonly logger: Logger;
}

/** An outcome may carry 16 MiB of outputs. */
const maxMessageBytes = 24 * 1024 * 1024;
const maxBeatsPerBatch = 500;
const maxLogChunksPerBatch = 64;

/** Advances runs and feeds the workers that are connected to it. Keeps nothing that another executor could not rebuild. */
export function createExecutor(options: ExecutorOptions): Service {
  const core = createRunCore(options);
  const { writer, dispatcher, sessions, scans } = core;
  const { store, logger } = options;
  const listeners = new WakeListeners(store, core);
  return {
    name: "executor",
    maxMessageBytes,
    routes: (router) => {
      router.service(WorkerSessionService, createSessions(options, core));
      router.service(ExecutorService, createExecutorService(store, core.submit));
    },
    async start() {
      listeners.start();
      for (const loop of core.loops) loop.start();
    },
    async stop() {
      listeners.stop();
      dispatcher.stop();
      const drain = create(DrainSchema, { reason: "the executor is stopping", reconnectElsewhere: true });
      for (const session of sessions.all()) session.send({ case: "drain", value: drain });
      await Promise.all(core.loops.map((loop) => loop.stop()));
      await writer.stop();
      await core.eventRelay
        .release()
        .catch((error: unknown) =>
          logger.debug({ error: describeError(error) }, "the relay's lease runs out by itself"),
        );
      for (const session of sessions.all()) session.outgoing.close();
    },
    health: () => ({
      executor:
        writer.isHealthy && scans.isHealthy
          ? { status: "healthy", detail: "" }
          : { status: "degraded", detail: "the database does not answer; what happened is kept and written later" },
    }),
  };
}

/** The parts that advance runs, wired to each other. */
interface RunCore {
  readonly submit: RunWriter["submit"];
  readonly sessions: SessionRegistry;
  readonly effects: RunEffects;
  readonly writer: RunWriter;
  readonly dispatcher: Dispatcher;
  readonly repair: RepairScan;
  readonly eventRelay: EventRelay;
  readonly scans: PacedLoop;
  readonly relay: PacedLoop;
  readonly loops: readonly PacedLoop[];
}

function createRunCore(options: ExecutorOptions): RunCore {
  const { store, logger, workerLeaseMs, scanIntervalMs: intervalMs } = options;
  const sessions = new SessionRegistry(options.backend);
  const submit: RunWriter["submit"] = (submission) => writer.submit(submission);
  const assignments = new AssignmentBuilder({ ...options, operators: operatorSchemas });
  const effects = new RunEffects({ store, sessions, assignments, logger, submit, dueIn: (ms) => due.pokeIn(ms) });
  const writer = new RunWriter({
    store,
    logger,
    handOffWorkers: () => sessions.handOffWorkers(options.handOff && !dispatcher.hasBacklog),
    onApplied: (run, decision) => effects.perform(run, decision),
  });
  const dispatcher = new Dispatcher({
    store,
    sessions,
    writer,
    backend: options.backend,
    logger,
    claiming: (runKeys) => void assignments.prefetch(runKeys),
  });
  const endSession = (workerKey: number): void => {
    const error = new AppError("WORKER_REFUSED", "the worker's lease was over and it is lost; start a new session");
    sessions.get(workerKey)?.outgoing.close(error);
  };
  const reaper = new Reaper({ store, logger, workerLeaseMs, scanIntervalMs: intervalMs, submit, endSession });
  const repair = new RepairScan({ store, sessions, effects, submit });
  const eventRelay = new EventRelay(store, options.executorId);
  const due = new PacedLoop({ name: "due", intervalMs, logger, round: () => processDue(store, submit) });
  const relay = new PacedLoop({ name: "relay", intervalMs, logger, round: () => eventRelay.round() });
  const scan = async (): Promise<null> => {
    await reaper.scan();
    await repair.scan();
    dispatcher.wake();
    return null;
  };
  const scans = new PacedLoop({ name: "scan", intervalMs, logger, round: scan });
  return {
    submit,
    sessions,
    effects,
    writer,
    dispatcher,
    repair,
    eventRelay,
    scans,
    relay,
    loops: [due, scans, relay],
  };
}

/** The session service, with beats and log chunks of all workers written in batches. */
function createSessions(options: ExecutorOptions, core: RunCore): ReturnType<typeof createWorkerSessionService> {
  const { store, logger, workerLeaseMs } = options;
  const { sessions, effects, dispatcher, submit } = core;
  const beats = new TurnBatcher<WorkerBeat, boolean>(async (batch) => {
    const renewed = new Set(await store.workers.beat(batch));
    return batch.map((beat) => renewed.has(beat.workerKey));
  }, maxBeatsPerBatch);
  const logs = new TurnBatcher<NewLogChunk, boolean>(async (chunks) => {
    await store.logs.append(chunks);
    store.wake.notify("logs");
    return chunks.map(() => true);
  }, maxLogChunksPerBatch);
  const slotsFreed = (): void => {
    if (dispatcher.hasBacklog) dispatcher.wake();
  };
  return createWorkerSessionService({
    sessions,
    logger,
    open: (hello) => openSession({ ...options, effects, submit }, hello),
    opened: () => dispatcher.wake(),
    closed: async (session) => {
      if (!session.isFinished) return;
      await store.workers
        .signOff(session.workerKey, session.sessionNumber)
        .catch((error: unknown) =>
          logger.debug({ error: describeError(error) }, "a sign-off was not written; the lease ends by itself"),
        );
    },
    handlerOf: (session) =>
      new SessionHandler(session, {
        workerLeaseMs,
        logger,
        submit,
        beat: (beat) => beats.submit(beat),
        appendLog: (chunk) => logs.submit(chunk),
        slotsFreed,
      }),
  });
}

/** What other processes and other parts of this one say has happened. */
class WakeListeners {
  readonly #store: Store;
  readonly #core: RunCore;
  #endings: (() => void)[] = [];

  constructor(store: Store, core: RunCore) {
    this.#store = store;
    this.#core = core;
  }

  start(): void {
    const { dispatcher, relay, eventRelay, sessions, repair, scans } = this.#core;
    this.#endings = [
      this.#store.wake.listen("queued", () => dispatcher.wake()),
      this.#store.wake.listen("outbox", () => relay.pokeIn(eventRelay.pauseMs)),
      this.#store.wake.listen("stops", () => {
        for (const session of sessions.all()) repair.sendStops(session).catch(() => scans.pokeIn(0));
      }),
    ];
  }

  stop(): void {
    for (const end of this.#endings) end();
  }
}
