import { create } from "@bufbuild/protobuf";
import {
  type Assignment,
  type AttemptRef,
  OutcomeAckSchema,
  type SessionResponse,
  SessionResponseSchema,
} from "#gen/millrace/v1/worker_session_service_pb.js";
import type { Clock } from "#ports/clock.ts";
import { attemptId } from "./attempt-ref.ts";
import { OutgoingQueue } from "./outgoing-queue.ts";

/** An attempt that a session's worker has, from its claim until it is settled or released. */
export interface HeldAttempt {
  readonly runKey: number;
  readonly ordinal: number;
  readonly ref: AttemptRef;
  /** Heartbeats in a row that did not list it. */
  missedBeats: number;
  /** Its outcome is here and being written: beats may leave it out. */
  isReported: boolean;
  /** Its stop order was sent. */
  isStopping: boolean;
}

export interface SessionOptions {
  readonly workerKey: number;
  readonly workerId: string;
  readonly sessionNumber: number;
  readonly slots: number;
  readonly queues: readonly string[];
  readonly leaseMs: number;
  readonly clock: Clock;
}

/** A worker whose lease was not renewed for this share of it gets no new work: it may be about to lose what it has. */
const silentShare = 0.5;

/** An attempt that this many heartbeats in a row leave out is lost. */
const missedBeatsUntilLost = 2;

/**
 * One worker's stream as the executor sees it: what the worker holds, how many slots are free, and what is to be sent.
 * It decides nothing about runs.
 */
export class WorkerSession {
  readonly workerKey: number;
  readonly workerId: string;
  readonly sessionNumber: number;
  readonly queues: readonly string[];
  readonly outgoing = new OutgoingQueue<SessionResponse>();
  readonly held = new Map<string, HeldAttempt>();
  readonly #slots: number;
  readonly #leaseMs: number;
  readonly #clock: Clock;
  #renewedAt: number;
  /** Claims that are being written. */
  #reserved = 0;
  #isDraining = false;
  /** Hand-offs that the next acknowledgement may carry. */
  #next: Assignment[] = [];
  #acks: { readonly ref: AttemptRef; readonly accepted: boolean; readonly reason: string }[] = [];
  #isFlushScheduled = false;

  constructor(options: SessionOptions) {
    this.workerKey = options.workerKey;
    this.workerId = options.workerId;
    this.sessionNumber = options.sessionNumber;
    this.queues = options.queues;
    this.#slots = options.slots;
    this.#leaseMs = options.leaseMs;
    this.#clock = options.clock;
    this.#renewedAt = this.#clock.now();
  }

  get freeSlots(): number {
    return this.acceptsWork ? Math.max(0, this.#slots - this.held.size - this.#reserved) : 0;
  }

  get acceptsWork(): boolean {
    const isSilent = this.#clock.now() - this.#renewedAt > this.#leaseMs * silentShare;
    return !this.#isDraining && !this.outgoing.isClosed && !isSilent;
  }

  /** It drained and holds nothing: its end is a sign-off, not a loss. */
  get isFinished(): boolean {
    return this.#isDraining && this.held.size === 0;
  }

  noteRenewed(): void {
    this.#renewedAt = this.#clock.now();
  }

  drain(): void {
    this.#isDraining = true;
  }

  reserve(slots: number): void {
    this.#reserved += slots;
  }

  unreserve(slots: number): void {
    this.#reserved -= slots;
  }

  hold(runKey: number, ordinal: number, ref: AttemptRef): HeldAttempt {
    const attempt: HeldAttempt = { runKey, ordinal, ref, missedBeats: 0, isReported: false, isStopping: false };
    this.held.set(attemptId(ref), attempt);
    return attempt;
  }

  find(ref: AttemptRef | undefined): HeldAttempt | undefined {
    return ref === undefined ? undefined : this.held.get(attemptId(ref));
  }

  findByPlace(runKey: number, ordinal: number): HeldAttempt | undefined {
    for (const attempt of this.held.values())
      if (attempt.runKey === runKey && attempt.ordinal === ordinal) return attempt;
    return undefined;
  }

  forget(ref: AttemptRef): void {
    this.held.delete(attemptId(ref));
  }

  /** Counts what a heartbeat leaves out; answers the attempts that are lost by it. */
  noteBeat(listed: readonly AttemptRef[]): readonly HeldAttempt[] {
    const ids = new Set(listed.map(attemptId));
    const lost: HeldAttempt[] = [];
    for (const [id, attempt] of this.held) {
      attempt.missedBeats = ids.has(id) || attempt.isReported ? 0 : attempt.missedBeats + 1;
      if (attempt.missedBeats >= missedBeatsUntilLost) lost.push(attempt);
    }
    return lost;
  }

  send(message: SessionResponse["message"]): void {
    this.outgoing.push(create(SessionResponseSchema, { message }));
  }

  /** Sent at the end of this turn, on an acknowledgement if there is one; what was told to stop meanwhile is left out. */
  assign(assignment: Assignment): void {
    this.#next.push(assignment);
    this.#scheduleFlush();
  }

  acknowledge(ref: AttemptRef, accepted: boolean, reason: string): void {
    this.#acks.push({ ref, accepted, reason });
    this.#scheduleFlush();
  }

  #scheduleFlush(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    // After the promise callbacks of this turn: acknowledgements and hand-offs of one commit meet here.
    this.#clock.afterCallbacks(() => this.#flush());
  }

  #flush(): void {
    this.#isFlushScheduled = false;
    // The worker has answered that stop order already, or will: the attempt must not begin behind it (G4).
    const assignments = this.#next.filter(({ attempt }) => this.find(attempt)?.isStopping === false);
    for (const { ref, accepted, reason } of this.#acks) {
      const next = assignments.shift();
      const ack = create(OutcomeAckSchema, { attempt: ref, accepted, reason, ...(next === undefined ? {} : { next }) });
      this.send({ case: "outcomeAck", value: ack });
    }
    for (const assignment of assignments) this.send({ case: "assignment", value: assignment });
    this.#acks = [];
    this.#next = [];
  }
}
