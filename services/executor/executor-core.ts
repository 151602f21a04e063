import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { describeError } from "#errors/app-error.ts";
import { DrainSchema, type WorkerSessionService } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { ArtifactStore } from "#ports/artifact-store.ts";
import type { Bus } from "#ports/bus.ts";
import type { Clock } from "#ports/clock.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import type { Assignments } from "./dispatch/assignments.ts";
import type { RunEffects } from "./runs/run-effects.ts";
import type { MakeRun } from "./runs/run-maker.ts";
import type { RunWriter } from "./runs/run-writer.ts";
import type { WorkerSession } from "./sessions/session.ts";
import type { SessionRegistry } from "./sessions/session-registry.ts";
import { createParts, type ExecutorParts } from "./executor-parts.ts";
import { createSessionDoor } from "./sessions/session-door.ts";
import type { DeploymentBackend } from "./dispatch/served-backends.ts";

export interface ExecutorCoreOptions {
  readonly store: Store;
  /** Where files of attempts are kept; null: nowhere. */
  readonly artifacts: ArtifactStore | null;
  readonly clock: Clock;
  readonly assignments: Assignments;
  readonly executorId: string;
  readonly backend: DeploymentBackend;
  /** Where tickets are published; null: every attempt goes over its worker's session. */
  readonly bus: Pick<Bus, "state" | "publishTickets"> | null;
  /** A ticket that nobody has claimed for so long is given up, and its instance dispatched again (G2). */
  readonly redispatchAfterMs: number;
  /** A worker is reserved for what has waited so long for resources. */
  readonly reserveAfterMs: number;
  readonly programVersion: string;
  readonly workerLeaseMs: number;
  readonly heartbeatIntervalMs: number;
  readonly scanIntervalMs: number;
  /** False: everything goes through the dispatcher; results are the same. */
  readonly handOff: boolean;
  /** Makes runs of other DAGs; null: no scheduler is known here. */
  readonly makeRun: MakeRun | null;
  /** Called with the queues of each worker that comes. */
  readonly takesQueues: (queues: readonly string[]) => void;
  readonly logger: Logger;
}

/** New runs come in bursts, and so do ends: what waits without a worker is looked at once for many, in milliseconds. */
const waitPauseMs = 200;

/** An executor without its RPC server: everything that it does, on whatever clock, store and streams it is given. */
export interface ExecutorCore {
  readonly submit: RunWriter["submit"];
  /** Does what follows the commit of a change that was not submitted here. */
  readonly perform: RunEffects["perform"];
  readonly sessionService: ServiceImpl<typeof WorkerSessionService>;
  /** The workers that are connected here. */
  readonly sessions: SessionRegistry;
  readonly isHealthy: boolean;
  start(): void;
  /** Drains the sessions and writes what is under way. */
  stop(): Promise<void>;
}

export function createExecutorCore(options: ExecutorCoreOptions): ExecutorCore {
  const { logger } = options;
  const parts = createParts(options);
  const { writer, dispatcher, sessions, eventRelay, scans } = parts;
  const loops = [parts.due, parts.waits, scans, parts.relay, parts.admission];
  let stopListening = (): void => undefined;
  return {
    submit: parts.submit,
    perform: (run, decision) => parts.effects.perform(run, decision),
    sessionService: createSessionDoor({ ...options, ...parts }),
    sessions,
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

async function orderDrain(store: Store, session: WorkerSession): Promise<void> {
  const reason = await store.workers.readDrainReason(session.workerKey);
  if (reason !== null) session.orderDrain(reason);
}

/** Follows what other processes and other parts of this one say has happened; answers how to end it. */
function listen(
  store: Store,
  { dispatcher, offerRun, waits, relay, eventRelay, sessions, repair, scans, admission }: ExecutorParts,
): () => void {
  const endings = [
    store.wake.listen("queued", () => dispatcher.wake()),
    store.wake.listen("room", () => admission.pokeIn(0)),
    store.wake.listen("created", (runKey) => offerRun(runKey)),
    store.wake.listen("evaluations", (runKey) => {
      if (runKey === "") scans.pokeIn(0);
      else repair.evaluateRun(Number(runKey)).catch(() => scans.pokeIn(0));
    }),
    store.wake.listen("created", () => waits.pokeIn(waitPauseMs)),
    store.wake.listen("queued", () => waits.pokeIn(waitPauseMs)),
    store.wake.listen("ended", () => waits.pokeIn(waitPauseMs)),
    store.wake.listen("drains", (workerKey) => {
      const session = sessions.get(Number(workerKey));
      // A worker whose wake was lost is told by the answer to its next beat.
      if (session !== undefined) void orderDrain(store, session).catch(() => undefined);
    }),
    store.wake.listen(
      "outbox",
      () => relay.pokeIn(eventRelay.pauseMs),
      () => eventRelay.leads,
    ),
    store.wake.listen("stops", () => {
      for (const session of sessions.all()) repair.sendStops(session).catch(() => scans.pokeIn(0));
    }),
  ];
  return () => {
    for (const end of endings) end();
  };
}
