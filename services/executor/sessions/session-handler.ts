import { create } from "@bufbuild/protobuf";
import type { AttemptOutcome, AttemptUsage, RunEvent } from "#core/run-event.ts";
import { AppError, describeError } from "#errors/app-error.ts";
import { failpoint } from "#failpoints/failpoint.ts";
import {
  type Heartbeat,
  LogAckSchema,
  type LogChunk,
  type Outcome,
  OutcomeKind,
  type AttemptRef,
  type PartitionsOwned,
  type SessionRequest,
} from "#gen/millrace/v1/worker_session_service_pb.js";
import type { Clock } from "#ports/clock.ts";
import type { NewLogChunk } from "#ports/log-store.ts";
import type { RenewedLease, WorkerBeat } from "#ports/worker-beat.ts";
import type { Logger } from "#telemetry/logger.ts";
import { type ArtifactKeeping, ArtifactReceiver } from "./artifact-receiver.ts";
import { noteUsages } from "./attempt-usages.ts";
import { fromConsumption, fromLogChunk, fromOutcome, isShort } from "./outcome-message.ts";
import type { PoisonParking } from "./poison-parking.ts";
import type { HeldAttempt } from "./held-attempt.ts";
import type { WorkerSession } from "./session.ts";
import type { TicketClaims } from "../dispatch/ticket-claims.ts";
import type { Submission, SubmissionResult } from "../runs/turn.ts";

export interface SessionHandlerOptions {
  readonly workerLeaseMs: number;
  readonly clock: Clock;
  /** The store's clock. */
  readonly storeNow: () => number;
  readonly logger: Logger;
  readonly submit: (submission: Submission) => Promise<SubmissionResult>;
  readonly tickets: TicketClaims;
  readonly poison: PoisonParking;
  readonly artifacts: ArtifactKeeping;
  /** Null: the lease was not renewed. */
  readonly beat: (beat: WorkerBeat) => Promise<RenewedLease | null>;
  /** Resolves when the chunk is durable. */
  readonly appendLog: (chunk: NewLogChunk) => Promise<boolean>;
  readonly slotsFreed: () => void;
}

/** Handles what one worker says. Nothing here waits for a run: answers are sent when their write is committed. */
export class SessionHandler {
  readonly #session: WorkerSession;
  readonly #options: SessionHandlerOptions;
  readonly #artifacts: ArtifactReceiver;

  constructor(session: WorkerSession, options: SessionHandlerOptions) {
    this.#session = session;
    this.#options = options;
    this.#artifacts = new ArtifactReceiver(session, options.artifacts);
  }

  /** Nothing more will come. */
  close(): void {
    this.#artifacts.close();
  }

  receive(request: SessionRequest): void {
    const { message } = request;
    switch (message.case) {
      case "heartbeat":
        this.#guard("heartbeat", this.#receiveBeat(message.value));
        return;
      case "outcome":
        this.#guard("outcome", this.#receiveOutcome(message.value));
        return;
      case "logChunk":
        this.#guard("log chunk", this.#receiveLog(message.value));
        return;
      case "released":
        this.#guard("release", this.#receiveReleased(message.value.attempt));
        return;
      case "drainNotice":
        this.#session.condition.noteDrain(message.value.reason);
        return;
      case "claim":
        if (message.value.attempt !== undefined)
          this.#guard("claim", this.#options.tickets.claim(this.#session, message.value.attempt));
        return;
      case "ticketReturn":
        if (message.value.attempt !== undefined)
          this.#guard("ticket", this.#options.tickets.handBack(this.#session, message.value.attempt));
        return;
      case "partitionsOwned":
        this.#session.setPartitions(toPartitions(message.value));
        return;
      case "artifactChunk":
        this.#artifacts.receive(message.value);
        return;
      case "poisonReport":
        this.#guard("report of poison", this.#options.poison.park(this.#session, message.value));
        return;
      case "hello":
        this.#session.outgoing.close(
          new AppError("WORKER_REFUSED", `worker ${this.#session.workerId} said hello twice on one session`),
        );
        return;
      case undefined:
        return;
    }
  }

  /** What fails here is kept by the worker and said again: on the next beat, or on the next session. */
  #guard(what: string, work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#options.logger.warn(
        { error: describeError(error), worker_id: this.#session.workerId },
        `a ${what} was not answered`,
      );
    });
  }

  async #receiveBeat(beat: Heartbeat): Promise<void> {
    const session = this.#session;
    const lost = session.noteBeat(beat.held, Number(beat.sequence));
    noteUsages(session, beat.attemptUsage);
    const { workerLeaseMs } = this.#options;
    const { degradedReason: reason, yields, usage = null } = beat;
    session.condition.noteBeat(reason === "" ? null : { reason, yields }, usage);
    const renewed = await this.#options.beat({
      workerKey: session.workerKey,
      sessionNumber: session.sessionNumber,
      leaseMs: workerLeaseMs,
      freeSlots: beat.freeSlots,
      reservedFor: session.reservedFor,
      ...session.condition.report,
    });
    if (renewed === null) {
      session.outgoing.close(
        new AppError(
          "WORKER_REFUSED",
          `worker ${session.workerId} was declared lost or has a newer session; start a new session`,
        ),
      );
      return;
    }
    session.condition.noteRenewed();
    session.answerBeat(beat.sequence, workerLeaseMs);
    if (renewed.drainReason !== null) session.orderDrain(renewed.drainReason);
    await Promise.all(lost.map((attempt) => this.#giveUp(attempt)));
  }

  async #giveUp(attempt: HeldAttempt): Promise<void> {
    const { logger, submit } = this.#options;
    const { runKey, ordinal, ref } = attempt;
    logger.warn(
      { worker_id: this.#session.workerId, dag_run_id: ref.dagRunId, task_id: ref.taskId },
      "two heartbeats did not list an attempt: it is lost",
    );
    await submit({
      runKey,
      event: { kind: "lost", ordinal, fence: Number(ref.fence), free: false },
      freesSlotOf: null,
    });
    this.#free(ref);
  }

  async #receiveOutcome(outcome: Outcome): Promise<void> {
    const ref = outcome.attempt;
    if (ref === undefined) return;
    const held = this.#session.find(ref);
    if (held === undefined) {
      this.#session.acknowledge(ref, false, "this attempt is not this worker's");
      return;
    }
    if (held.isReported) return;
    held.isReported = true;
    const log = outcome.log === undefined ? null : fromLogChunk(outcome.log, held);
    const goesAlong = log !== null && isShort(log);
    let isWritten = false;
    try {
      const event = toEvent(held, fromOutcome(outcome, this.#options.clock.random()), fromConsumption(outcome));
      const result = await this.#options.submit({
        runKey: held.runKey,
        event,
        freesSlotOf: this.#session.slotOf(held),
        freesResources: held.requests,
        ...(goesAlong ? { log } : {}),
      });
      isWritten = goesAlong && result.kind === "judged" && result.verdict.accepted;
      this.#count(outcome, result);
      await this.#settleOutcome(held, result);
    } catch (error) {
      held.isReported = false;
      throw error;
    }
    // That of a replaced attempt, and what is not short. It decides over nothing else, so it comes last.
    if (log !== null && !isWritten) await this.#options.appendLog(log);
  }

  #count({ kind }: Outcome, result: SubmissionResult): void {
    if (result.kind !== "judged" || !result.verdict.accepted || kind === OutcomeKind.DEFERRED) return;
    const hasSucceeded = kind === OutcomeKind.SUCCESS || kind === OutcomeKind.SKIPPED;
    this.#session.condition.noteTask(hasSucceeded ? "succeeded" : "failed", this.#options.storeNow());
  }

  async #settleOutcome(held: HeldAttempt, result: SubmissionResult): Promise<void> {
    if (result.kind === "judged" && result.verdict.accepted) {
      failpoint("acknowledgement.before");
      this.#session.acknowledge(held.ref, true, "");
      failpoint("acknowledgement.after");
      this.#free(held.ref);
      return;
    }
    const reason = result.kind === "missing" ? "the run is gone" : result.verdict.accepted ? "" : result.verdict.reason;
    const present = result.kind === "judged" ? result.run.instances[held.ordinal] : undefined;
    this.#options.logger.info(
      {
        worker_id: this.#session.workerId,
        dag_run_id: held.ref.dagRunId,
        task_id: held.ref.taskId,
        fence: Number(held.ref.fence),
        present_fence: present?.fence,
        reason,
      },
      "an outcome of a replaced attempt was refused",
    );
    // It was ended from outside while it ran; its outcome says that its tree is gone.
    if (present?.held === true && present.heldFence === Number(held.ref.fence)) await this.#release(held, null);
    this.#session.acknowledge(held.ref, false, reason);
    this.#free(held.ref);
  }

  async #receiveReleased(ref: AttemptRef | undefined): Promise<void> {
    const held = this.#session.find(ref);
    if (held !== undefined) await this.#release(held, this.#session.slotOf(held));
  }

  /** `freesSlotOf` null: the slot was offered with the outcome already. */
  async #release(held: HeldAttempt, freesSlotOf: number | null): Promise<void> {
    await this.#options.submit({
      runKey: held.runKey,
      event: { kind: "released", ordinal: held.ordinal, fence: Number(held.ref.fence) },
      freesSlotOf,
      freesResources: held.requests,
    });
    this.#free(held.ref);
  }

  async #receiveLog(chunk: LogChunk): Promise<void> {
    const ref = chunk.attempt;
    if (ref === undefined) return;
    const held = this.#session.find(ref);
    if (held !== undefined) await this.#options.appendLog(fromLogChunk(chunk, held));
    this.#session.send({ case: "logAck", value: create(LogAckSchema, { attempt: ref, sequence: chunk.sequence }) });
  }

  #free(ref: AttemptRef): void {
    this.#artifacts.abandon(ref);
    this.#session.forget(ref);
    this.#options.slotsFreed();
  }
}

function toPartitions({ partitions }: PartitionsOwned): ReadonlyMap<string, readonly number[]> {
  const byQueue = Map.groupBy(partitions, ({ queue }) => queue);
  return new Map([...byQueue].map(([queue, owned]) => [queue, owned.map(({ partition }) => partition)]));
}

/** Failures of the machine, not of the task: they use the allowance for lost workers. */
const machineFailures: ReadonlySet<string> = new Set(["runner_lost", "worker_lost"]);

function toEvent({ ordinal, ref }: HeldAttempt, outcome: AttemptOutcome, usage: AttemptUsage | null): RunEvent {
  const fence = Number(ref.fence);
  const isMachine = outcome.kind === "failed" && machineFailures.has(outcome.failure.code);
  if (isMachine) return { kind: "lost", ordinal, fence, free: false };
  return { kind: "outcome", ordinal, fence, outcome, ...(usage === null ? {} : { usage }) };
}
