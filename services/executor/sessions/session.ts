import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { WorkerTraits } from "#core/placement.ts";
import { hasRoom, noResources, type ResourceAmounts, roomLeft } from "#core/resource-amounts.ts";
import {
  type Assignment,
  type AttemptRef,
  HeartbeatReplySchema,
  ClaimReplySchema,
  DrainSchema,
  DropSchema,
  OutcomeAckSchema,
  type SessionResponse,
  SessionResponseSchema,
} from "#gen/millrace/v1/worker_session_service_pb.js";
import type { Clock } from "#ports/clock.ts";
import type { TaskCounts, WorkerReservation } from "#ports/worker-beat.ts";
import { attemptId, ticketId } from "./attempt-ref.ts";
import type { HeldAttempt } from "./held-attempt.ts";
import { OutgoingQueue } from "./outgoing-queue.ts";
import { SessionCondition } from "./session-condition.ts";
import { describeWork } from "./session-groups.ts";
import { SessionOffers } from "./session-offers.ts";

export interface SessionOptions {
  readonly workerKey: number;
  readonly workerId: string;
  readonly sessionNumber: number;
  readonly slots: number;
  readonly queues: readonly string[];
  readonly traits: WorkerTraits;
  /** What its attempts may ask for together. */
  readonly resources: ResourceAmounts;
  readonly leaseMs: number;
  readonly counts: TaskCounts;
  /** Whether nobody else here would take work of the session's queues. */
  readonly isAlone: (session: WorkerSession) => boolean;
  /** How long a ticket that was published for this worker counts against its slots. */
  readonly offerMs: number;
  readonly clock: Clock;
}

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
  readonly traits: WorkerTraits;
  /** The same for workers that take the same work. */
  readonly work: string;
  readonly resources: ResourceAmounts;
  /** It takes nothing else that asks for resources, and keeps a slot, until it has room for this; null: nothing. */
  reservedFor: WorkerReservation | null = null;
  readonly outgoing = new OutgoingQueue<SessionResponse>();
  readonly held = new Map<string, HeldAttempt>();
  readonly offers: SessionOffers;
  readonly condition: SessionCondition;
  readonly slots: number;
  readonly #clock: Clock;
  readonly #isAlone: () => boolean;
  /** Claims that are being written. */
  #reserved = 0;
  /** What those claims ask for. */
  readonly #reservedRequests: ResourceAmounts[] = [];
  /** Tickets that the worker has claimed and got no answer to. */
  readonly #claims = new Set<string>();
  /** By queue, as the worker said last. */
  #partitions: ReadonlyMap<string, readonly number[]> = new Map();
  #partitionTurn = 0;
  /** Hand-offs that the next acknowledgement may carry. */
  #next: Assignment[] = [];
  #acks: { readonly ref: AttemptRef; readonly accepted: boolean; readonly reason: string }[] = [];
  #isFlushScheduled = false;

  constructor(options: SessionOptions) {
    this.workerKey = options.workerKey;
    this.workerId = options.workerId;
    this.sessionNumber = options.sessionNumber;
    this.queues = options.queues;
    this.traits = options.traits;
    this.work = describeWork(options);
    this.resources = options.resources;
    this.slots = options.slots;
    this.#clock = options.clock;
    this.#isAlone = () => options.isAlone(this);
    this.condition = new SessionCondition(options);
    this.offers = new SessionOffers(options.clock, options.offerMs);
  }

  get freeSlots(): number {
    return this.acceptsWork ? Math.max(0, this.#slotsLeft - (this.reservedFor === null ? 0 : 1)) : 0;
  }

  get #slotsLeft(): number {
    return this.slots - this.held.size - this.#reserved - this.offers.count;
  }

  /** Slots that are free once those have them no more of which the worker has told the end. */
  get slotsComing(): number {
    const leaving = [...this.held.values()].filter(({ hasLeft }) => hasLeft).length;
    return this.#slotsLeft + leaving;
  }

  /** Whose slot comes free with what is told of the attempt's end; null: it was told before. */
  slotOf(held: HeldAttempt): number | null {
    if (held.hasLeft) return null;
    held.hasLeft = true;
    return this.workerKey;
  }

  /** What is left of its resources for new attempts. */
  get room(): ResourceAmounts {
    return this.reservedFor === null ? this.#roomLeft : noResources;
  }

  get #roomLeft(): ResourceAmounts {
    const held = [...this.held.values()].map(({ requests }) => requests);
    return roomLeft(this.resources, [...held, ...this.#reservedRequests]);
  }

  /** Whether the instance that it is reserved for could start now. */
  hasRoomFor(requests: ResourceAmounts): boolean {
    return this.acceptsWork && this.#slotsLeft > 0 && hasRoom(this.#roomLeft, requests);
  }

  get acceptsWork(): boolean {
    return !this.outgoing.isClosed && this.condition.acceptsWork(this.#isAlone);
  }

  /** It drained and holds nothing: its end is a sign-off, not a loss. */
  get isFinished(): boolean {
    return this.condition.hasNoticedDrain && this.held.size === 0;
  }

  /** Tells the worker to finish what it has and to end; once. */
  orderDrain(reason: string): void {
    if (this.condition.isOrderedToDrain) return;
    this.condition.orderDrain(reason);
    this.send({ case: "drain", value: create(DrainSchema, { reason }) });
  }

  reserve(slots: number, requests: ResourceAmounts = noResources): void {
    this.#reserved += slots;
    this.#reservedRequests.push(requests);
  }

  /** Takes back what was reserved by a call with the same amounts. */
  unreserve(slots: number, requests: ResourceAmounts = noResources): void {
    this.#reserved -= slots;
    const place = this.#reservedRequests.findIndex((one) => hasRoom(one, requests) && hasRoom(requests, one));
    assert.ok(place >= 0, "what was not reserved is not given back");
    this.#reservedRequests.splice(place, 1);
  }

  setPartitions(partitions: ReadonlyMap<string, readonly number[]>): void {
    this.#partitions = partitions;
  }

  /** A partition of the queue that this worker owns, each in turn; null: none is known. */
  nextPartition(queue: string): number | null {
    const owned = this.#partitions.get(queue) ?? [];
    this.#partitionTurn += 1;
    return owned[this.#partitionTurn % owned.length] ?? null;
  }

  owns(queue: string): boolean {
    return (this.#partitions.get(queue) ?? []).length > 0;
  }

  hold(runKey: number, ordinal: number, ref: AttemptRef, requests: ResourceAmounts = noResources): HeldAttempt {
    const attempt: HeldAttempt = {
      ...{ runKey, ordinal, ref, requests, isSent: false, countsFrom: null, missedBeats: 0 },
      ...{ isReported: false, isStopping: false, hasLeft: false },
    };
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

  /** It is settled or released; a claim that came for it meanwhile is answered. */
  forget(ref: AttemptRef): void {
    this.held.delete(attemptId(ref));
    this.dropClaim(ref, "it has ended");
  }

  /** Counts what a heartbeat leaves out; answers the attempts that are lost by it. */
  noteBeat(listed: readonly AttemptRef[], sequence: number): readonly HeldAttempt[] {
    const ids = new Set(listed.map(attemptId));
    const lost: HeldAttempt[] = [];
    for (const [id, attempt] of this.held) {
      if (attempt.countsFrom === null || sequence < attempt.countsFrom) continue;
      attempt.missedBeats = ids.has(id) || attempt.isReported ? 0 : attempt.missedBeats + 1;
      if (attempt.missedBeats >= missedBeatsUntilLost) lost.push(attempt);
    }
    return lost;
  }

  /**
   * Answers a heartbeat. A worker sends the next one only when it has the answer, and so everything that was sent before
   * it: from then on a beat that leaves an attempt out says that the worker does not have it. A beat that was under way
   * together with an assignment says nothing of it.
   */
  answerBeat(sequence: bigint, leaseMs: number): void {
    for (const attempt of this.held.values()) if (attempt.isSent) attempt.countsFrom ??= Number(sequence) + 1;
    const value = create(HeartbeatReplySchema, { sequence, lease: durationFromMs(leaseMs) });
    this.send({ case: "heartbeatReply", value });
  }

  send(message: SessionResponse["message"]): void {
    this.outgoing.push(create(SessionResponseSchema, { message }));
  }

  /** The worker claims a ticket: the attempt's assignment is sent as the reply, unless the claim is dropped. */
  awaitReply(ref: AttemptRef): void {
    this.#claims.add(ticketId(ref));
  }

  /** It has claimed this ticket and has no answer yet. */
  awaitsReply(ticket: string): boolean {
    return this.#claims.has(ticket);
  }

  /** Does nothing where no claim waits for its reply. */
  dropClaim(ref: AttemptRef, reason: string): void {
    if (!this.#claims.delete(ticketId(ref))) return;
    const verdict = { case: "drop", value: create(DropSchema, { reason }) } as const;
    this.send({ case: "claimReply", value: create(ClaimReplySchema, { attempt: ref, verdict }) });
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
    const wanted = this.#next.filter(({ attempt }) => this.find(attempt)?.isStopping === false);
    for (const { attempt } of wanted) {
      const held = this.find(attempt);
      if (held !== undefined) held.isSent = true;
    }
    const assignments = wanted.filter((assignment) => !this.#replyWith(assignment));
    for (const { attempt } of this.#next) if (attempt !== undefined) this.dropClaim(attempt, "it was ended at once");
    for (const { ref, accepted, reason } of this.#acks) {
      const next = assignments.shift();
      const ack = create(OutcomeAckSchema, { attempt: ref, accepted, reason, ...(next === undefined ? {} : { next }) });
      this.send({ case: "outcomeAck", value: ack });
    }
    for (const assignment of assignments) this.send({ case: "assignment", value: assignment });
    this.#acks = [];
    this.#next = [];
  }

  /** False: the worker did not claim it. */
  #replyWith(assignment: Assignment): boolean {
    const { attempt } = assignment;
    if (attempt === undefined || !this.#claims.delete(ticketId(attempt))) return false;
    const verdict = { case: "assignment", value: assignment } as const;
    this.send({ case: "claimReply", value: create(ClaimReplySchema, { attempt, verdict }) });
    return true;
  }
}
