import type { ServiceImpl } from "@connectrpc/connect";
import { describeError } from "#errors/app-error.ts";
import type { WorkerSessionService } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { ArtifactStore } from "#ports/artifact-store.ts";
import type { Clock } from "#ports/clock.ts";
import type { NewLogChunk } from "#ports/log-store.ts";
import type { Store } from "#ports/store.ts";
import type { RenewedLease, WorkerBeat } from "#ports/worker-beat.ts";
import type { Logger } from "#telemetry/logger.ts";
import type { Dispatcher } from "../dispatch/dispatcher.ts";
import { PoisonParking } from "./poison-parking.ts";
import type { RunEffects } from "../runs/run-effects.ts";
import type { RunWriter } from "../runs/run-writer.ts";
import { SessionHandler } from "./session-handler.ts";
import { openSession } from "./session-opening.ts";
import type { SessionRegistry } from "./session-registry.ts";
import { TicketClaims } from "../dispatch/ticket-claims.ts";
import { TurnBatcher } from "../runs/turn-batcher.ts";
import { createWorkerSessionService } from "./worker-session-service.ts";

const maxBeatsPerBatch = 500;
const maxLogChunksPerBatch = 64;

export interface SessionDoorOptions {
  readonly store: Store;
  /** Where files of attempts are kept; null: nowhere. */
  readonly artifacts: ArtifactStore | null;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly executorId: string;
  readonly programVersion: string;
  readonly workerLeaseMs: number;
  readonly heartbeatIntervalMs: number;
  readonly redispatchAfterMs: number;
  readonly sessions: SessionRegistry;
  readonly effects: RunEffects;
  readonly dispatcher: Dispatcher;
  readonly slotsFreed: () => void;
  readonly submit: RunWriter["submit"];
  /** Called with the runs whose instances are about to be claimed. */
  readonly claiming: (runKeys: readonly number[]) => void;
  /** Called with the queues of each worker that comes. */
  readonly takesQueues: (queues: readonly string[]) => void;
}

/** Where workers come in: their sessions, with the beats and log chunks of all of them written in batches. */
export function createSessionDoor(options: SessionDoorOptions): ServiceImpl<typeof WorkerSessionService> {
  const { store, clock, logger, workerLeaseMs, sessions, effects, dispatcher, submit, slotsFreed } = options;
  const beats = new TurnBatcher<WorkerBeat, RenewedLease | null>(
    clock,
    async (batch) => {
      const renewed = new Map((await store.workers.beat(batch)).map((lease) => [lease.workerKey, lease]));
      return batch.map(({ workerKey }) => renewed.get(workerKey) ?? null);
    },
    maxBeatsPerBatch,
  );
  const logs = new TurnBatcher<NewLogChunk, boolean>(
    clock,
    async (chunks) => {
      await store.logs.append(chunks);
      return chunks.map(() => true);
    },
    maxLogChunksPerBatch,
  );
  const tickets = new TicketClaims(options);
  const artifacts = { store: options.artifacts, index: store.artifacts, logger };
  const poison = new PoisonParking({ letters: store.deadLetters, logger });
  return createWorkerSessionService({
    sessions,
    logger,
    open: (hello) => openSession({ ...options, effects, submit }, hello),
    opened: (session) => {
      options.takesQueues(session.queues);
      // Its beats say the same.
      void store.workers.admit(session.workerKey, session.sessionNumber).catch(() => undefined);
      dispatcher.wake();
    },
    closed: async (session) => {
      if (!session.isFinished) return;
      await store.workers
        .signOff(session.workerKey, session.sessionNumber, session.condition.tally)
        .catch((error: unknown) =>
          logger.debug({ error: describeError(error) }, "a sign-off was not written; the lease ends by itself"),
        );
    },
    handlerOf: (session) =>
      new SessionHandler(session, {
        workerLeaseMs,
        clock,
        storeNow: () => store.now(),
        logger,
        submit,
        beat: (beat) => beats.submit(beat),
        appendLog: (chunk) => logs.submit(chunk),
        tickets,
        poison,
        artifacts,
        slotsFreed,
      }),
  });
}
