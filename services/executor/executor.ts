import { AppError } from "#errors/app-error.ts";
import { create } from "@bufbuild/protobuf";
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
import type { Submission } from "./turn.ts";
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

const maxBeatsPerBatch = 500;
const maxLogChunksPerBatch = 64;

/** Advances runs and feeds the workers that are connected to it. Keeps nothing that another executor could not rebuild. */
export function createExecutor(options: ExecutorOptions): Service {
  const { store, logger, workerLeaseMs, scanIntervalMs } = options;
  const sessions = new SessionRegistry(options.backend);
  const submit = (submission: Submission): ReturnType<RunWriter["submit"]> => writer.submit(submission);
  const assignments = new AssignmentBuilder({ ...options, operators: operatorSchemas });
  const effects = new RunEffects({ store, sessions, assignments, logger, submit, dueIn: (ms) => due.pokeIn(ms) });
  const writer = new RunWriter({
    store,
    logger,
    handOffWorkers: () => sessions.handOffWorkers(options.handOff && !dispatcher.hasBacklog),
    onApplied: (run, decision) => effects.perform(run, decision),
  });
  const dispatcher = new Dispatcher({ store, sessions, writer, backend: options.backend, logger });
  const reaper = new Reaper({ store, logger, workerLeaseMs, scanIntervalMs, submit });
  const repair = new RepairScan({ store, sessions, effects, submit });
  const eventRelay = new EventRelay(store, options.executorId);

  const due = new PacedLoop({ name: "due", intervalMs: scanIntervalMs, logger, round: () => processDue(store, submit) });
  const scans = new PacedLoop({
    name: "scan",
    intervalMs: scanIntervalMs,
    logger,
    round: async () => {
      await reaper.scan();
      await repair.scan();
      dispatcher.wake();
      return null;
    },
  });
  const relay = new PacedLoop({ name: "relay", intervalMs: scanIntervalMs, logger, round: () => eventRelay.round() });
  const loops = [due, scans, relay];

  const beats = new TurnBatcher<WorkerBeat, boolean>(async (batch) => {
    const renewed = new Set(await store.workers.beat(batch));
    return batch.map((beat) => renewed.has(beat.workerKey));
  }, maxBeatsPerBatch);
  const logs = new TurnBatcher<NewLogChunk, boolean>(async (chunks) => {
    await store.logs.append(chunks);
    store.wake.notify("logs");
    return chunks.map(() => true);
  }, maxLogChunksPerBatch);

  const sessionService = createWorkerSessionService({
    sessions,
    logger,
    open: (hello) => openSession({ ...options, effects, submit }, hello),
    opened: () => dispatcher.wake(),
    handlerOf: (session) =>
      new SessionHandler(session, {
        workerLeaseMs,
        logger,
        submit,
        beat: (beat) => beats.submit(beat),
        appendLog: (chunk) => logs.submit(chunk),
        slotsFreed: () => {
          if (dispatcher.hasBacklog) dispatcher.wake();
        },
      }),
  });

  let endListening: (() => void)[] = [];
  return {
    name: "executor",
    routes: (router) => {
      router.service(WorkerSessionService, sessionService);
      router.service(ExecutorService, createExecutorService(store, submit));
    },
    async start() {
      endListening = [
        store.wake.listen("queued", () => dispatcher.wake()),
        store.wake.listen("outbox", () => relay.pokeIn(eventRelay.pauseMs)),
        store.wake.listen("stops", () => {
          for (const session of sessions.all()) repair.sendStops(session).catch(() => scans.pokeIn(0));
        }),
      ];
      for (const loop of loops) loop.start();
    },
    async stop() {
      for (const end of endListening) end();
      dispatcher.stop();
      const drain = create(DrainSchema, { reason: "the executor is stopping", reconnectElsewhere: true });
      for (const session of sessions.all()) session.send({ case: "drain", value: drain });
      await Promise.all(loops.map((loop) => loop.stop()));
      await writer.stop();
      await eventRelay.release().catch(() => undefined);
      for (const session of sessions.all()) session.outgoing.close();
    },
    health: () => ({
      executor: writer.isHealthy && scans.isHealthy
        ? { status: "healthy", detail: "" }
        : { status: "degraded", detail: new AppError("DATABASE_UNAVAILABLE", "the database does not answer; work waits").message },
    }),
  };
}
