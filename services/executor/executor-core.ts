import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { AppError, describeError } from "#errors/app-error.ts";
import { DrainSchema, type WorkerSessionService } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { Bus } from "#ports/bus.ts";
import type { Clock } from "#ports/clock.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import type { Assignments } from "./assignments.ts";
import { Dispatcher } from "./dispatcher.ts";
import { processDue } from "./due-loop.ts";
import { EventRelay } from "./event-relay.ts";
import { PacedLoop } from "./paced-loop.ts";
import { Reaper } from "./reaper.ts";
import { RepairScan } from "./repair-scan.ts";
import { RunEffects } from "./run-effects.ts";
import { RunWriter } from "./run-writer.ts";
import { createSessionDoor } from "./session-door.ts";
import { SessionRegistry } from "./session-registry.ts";
import { TicketPublisher } from "./ticket-publisher.ts";

export interface ExecutorCoreOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly assignments: Assignments;
  readonly executorId: string;
  readonly backend: "local" | "stream" | "kafka";
  /** Where tickets are published; null: every attempt goes over its worker's session. */
  readonly bus: Pick<Bus, "state" | "publishTickets"> | null;
  /** A ticket that nobody has claimed for so long is given up, and its instance dispatched again (G2). */
  readonly redispatchAfterMs: number;
  readonly programVersion: string;
  readonly workerLeaseMs: number;
  readonly heartbeatIntervalMs: number;
  readonly scanIntervalMs: number;
  /** False: everything goes through the dispatcher; results are the same. */
  readonly handOff: boolean;
  readonly logger: Logger;
}

/** An executor without its RPC server: everything that it does, on whatever clock, store and streams it is given. */
export interface ExecutorCore {
  readonly submit: RunWriter["submit"];
  readonly sessionService: ServiceImpl<typeof WorkerSessionService>;
  readonly isHealthy: boolean;
  start(): void;
  /** Drains the sessions and writes what is under way. */
  stop(): Promise<void>;
}

export function createExecutorCore(options: ExecutorCoreOptions): ExecutorCore {
  const { logger } = options;
  const parts = createParts(options);
  const { writer, dispatcher, sessions, eventRelay, scans } = parts;
  const loops = [parts.due, scans, parts.relay];
  let stopListening = (): void => undefined;
  return {
    submit: parts.submit,
    sessionService: createSessionDoor({ ...options, ...parts }),
    get isHealthy() {
      return writer.isHealthy && scans.isHealthy;
    },
    start() {
      stopListening = listen(options.store, parts);
      for (const loop of loops) loop.start();
    },
    async stop() {
      stopListening();
      dispatcher.stop();
      const drain = create(DrainSchema, { reason: "the executor is stopping", reconnectElsewhere: true });
      for (const session of sessions.all()) session.send({ case: "drain", value: drain });
      await Promise.all(loops.map((loop) => loop.stop()));
      await writer.stop();
      await eventRelay
        .release()
        .catch((error: unknown) =>
          logger.debug({ error: describeError(error) }, "the relay's lease runs out by itself"),
        );
      for (const session of sessions.all()) session.outgoing.close();
    },
  };
}

/** The parts that advance runs, wired to each other. */
interface Parts {
  readonly submit: RunWriter["submit"];
  readonly claiming: (runKeys: readonly number[]) => void;
  readonly sessions: SessionRegistry;
  readonly effects: RunEffects;
  readonly writer: RunWriter;
  readonly dispatcher: Dispatcher;
  readonly repair: RepairScan;
  readonly eventRelay: EventRelay;
  readonly due: PacedLoop;
  readonly scans: PacedLoop;
  readonly relay: PacedLoop;
}

function createParts(options: ExecutorCoreOptions): Parts {
  const { store, clock, logger, assignments, workerLeaseMs, scanIntervalMs: intervalMs } = options;
  const sessions = new SessionRegistry(options.backend);
  const submit: RunWriter["submit"] = (submission) => writer.submit(submission);
  const effects = new RunEffects({
    store,
    clock,
    sessions,
    assignments,
    logger,
    submit,
    dueIn: (ms) => due.pokeIn(ms),
  });
  const writer = new RunWriter({
    store,
    clock,
    logger,
    handOffWorkers: () => sessions.handOffWorkers(options.handOff && !dispatcher.hasBacklog),
    onApplied: (run, decision) => effects.perform(run, decision),
    onUncertain: (run) => effects.recover(run),
  });
  const claiming = (runKeys: readonly number[]): void => void assignments.prefetch(runKeys);
  const { bus, backend, redispatchAfterMs } = options;
  const dispatching = { store, sessions, submit, redispatchAfterMs, logger };
  const tickets = bus === null ? null : new TicketPublisher({ ...dispatching, bus });
  const dispatcher = new Dispatcher({ ...dispatching, clock, backend, tickets, claiming });
  const endSession = (workerKey: number): void => {
    const error = new AppError("WORKER_REFUSED", "the worker's lease was over and it is lost; start a new session");
    sessions.get(workerKey)?.outgoing.close(error);
  };
  const reaper = new Reaper({ store, clock, logger, workerLeaseMs, scanIntervalMs: intervalMs, submit, endSession });
  const repair = new RepairScan({ store, sessions, effects, submit });
  const eventRelay = new EventRelay(store, options.executorId, clock);
  const loop = (name: string, round: () => Promise<number | null>): PacedLoop =>
    new PacedLoop({ name, intervalMs, clock, logger, round });
  const due = loop("due", () => processDue(store, submit));
  const relay = loop("relay", () => eventRelay.round());
  const scans = loop("scan", async () => {
    await reaper.scan();
    await repair.scan();
    dispatcher.wake();
    return null;
  });
  return { submit, claiming, sessions, effects, writer, dispatcher, repair, eventRelay, due, scans, relay };
}

/** Follows what other processes and other parts of this one say has happened; answers how to end it. */
function listen(store: Store, { dispatcher, relay, eventRelay, sessions, repair, scans }: Parts): () => void {
  const endings = [
    store.wake.listen("queued", () => dispatcher.wake()),
    store.wake.listen("outbox", () => relay.pokeIn(eventRelay.pauseMs)),
    store.wake.listen("stops", () => {
      for (const session of sessions.all()) repair.sendStops(session).catch(() => scans.pokeIn(0));
    }),
  ];
  return () => {
    for (const end of endings) end();
  };
}
