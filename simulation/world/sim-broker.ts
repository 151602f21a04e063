import { AppError } from "#errors/app-error.ts";
import type { Bus, BusState, OutgoingTicket } from "#ports/bus.ts";
import type { Ticket, TicketConsumer, TicketSubscription } from "#ports/ticket-consumer.ts";
import type { BusFaults } from "../faults/fault-rates.ts";
import { RandomStream } from "./random.ts";
import type { SimProcess } from "./sim-process.ts";
import { SimPartition, type GroupMember } from "./sim-partition.ts";
import type { World } from "./world.ts";

/** So long a broker that is away keeps a publisher waiting, at most. */
const publishTimeoutMs = 500;
/** A client that a broker is away from sees it so much later. */
const noticedAfterMs = 200;
const lateMs = 3000;
/** A member that died is thrown out of its group after about so long. */
const memberTimeoutMs = { from: 500, to: 3000 };
const usualDelayMs = 2;
const noFaults: BusFaults = { rejectedShare: 0, unknownShare: 0, lostShare: 0, doubledShare: 0, lateShare: 0 };

/**
 * The topic of one queue, and the group of its workers. A partition is in order, partitions are not among each other. What
 * is published may get lost, come twice, late, or although it was refused; partitions move, and are read again from an
 * offset that was passed long ago. None of that may matter: the bus is advisory (G15).
 */
export class SimBroker {
  readonly #world: World;
  readonly #random: RandomStream;
  readonly #partitions: readonly SimPartition[];
  #members: GroupMember[] = [];
  #faults = noFaults;
  #awayUntil = 0;
  #awaySince = Number.POSITIVE_INFINITY;
  #rotation = 0;

  constructor(world: World) {
    this.#world = world;
    this.#random = new RandomStream(world.seed, "bus");
    const drawDelay = (): number => this.#random.next() * usualDelayMs;
    const ignoresPause = (): boolean => this.#faults.lateShare > 0 && this.#random.chance(this.#faults.lateShare);
    const options = { world, drawDelay, isAway: () => this.#isAway, ignoresPause };
    this.#partitions = Array.from(
      { length: 1 + this.#random.below(5) },
      (_, place) => new SimPartition(place, options),
    );
  }

  setFaults(faults: BusFaults | null): void {
    this.#faults = faults ?? noFaults;
  }

  goAway(durationMs: number): void {
    this.#awayUntil = this.#world.now + durationMs;
    this.#awaySince = this.#world.now;
    this.#world.in(durationMs, () => this.#pump());
  }

  /** All partitions go to the next member; some are read again from an earlier offset. */
  rebalance(): void {
    this.#rotation += 1;
    for (const partition of this.#partitions) partition.rewind(this.#random.next() ** 2);
    this.#assign();
  }

  /** Tickets that a live worker took in so long ago, and has not passed. */
  countStuck(ageMs: number): number {
    return this.#partitions.reduce((sum, partition) => sum + partition.countStuck(ageMs), 0);
  }

  publisherOf(process: SimProcess): Pick<Bus, "state" | "publishTickets"> {
    const isSeenAway = (): boolean => this.#isAway && this.#world.now > this.#awaySince + noticedAfterMs;
    return {
      get state(): BusState {
        const since = process.now();
        return isSeenAway() ? { kind: "down", since, cause: "simulated" } : { kind: "connected", since };
      },
      publishTickets: (tickets) => this.#publish(process, tickets),
    };
  }

  consumersOf(process: SimProcess): Pick<Bus, "consumeTickets"> {
    return { consumeTickets: (subscription) => this.#join(process, subscription) };
  }

  /** Nothing of it comes back in this life; its group sees that after a while. */
  died(process: SimProcess): void {
    const gone = this.#members.filter((member) => member.process === process);
    if (gone.length === 0) return;
    this.#world.in(this.#random.between(memberTimeoutMs.from, memberTimeoutMs.to), () => this.#remove(gone));
  }

  get #isAway(): boolean {
    return this.#awayUntil > this.#world.now;
  }

  #publish(process: SimProcess, tickets: readonly OutgoingTicket[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const refuse = (): void => reject(new AppError("BUS_UNAVAILABLE", "the bus does not answer: simulated"));
      const draw = this.#random.next();
      const { rejectedShare, unknownShare } = this.#faults;
      if (this.#isAway) {
        process.after(publishTimeoutMs * draw, refuse);
        return;
      }
      const isRejected = draw < rejectedShare;
      const isUnknown = !isRejected && draw < rejectedShare + unknownShare;
      const delayMs = this.#random.next() * usualDelayMs;
      const arrived = isRejected ? [] : tickets.filter(() => !isUnknown || this.#random.chance(0.7));
      this.#world.in(delayMs, () => {
        for (const ticket of arrived) this.#take(ticket);
      });
      process.after(delayMs + this.#random.next() * usualDelayMs, isRejected || isUnknown ? refuse : resolve);
    });
  }

  #take({ ticket, partition }: OutgoingTicket): void {
    const { lostShare, doubledShare, lateShare } = this.#faults;
    if (this.#random.chance(lostShare)) return;
    const place = partition ?? this.#random.below(this.#partitions.length);
    const copies = this.#random.chance(doubledShare) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const delayMs = this.#random.chance(lateShare) ? this.#random.next() * lateMs : 0;
      this.#world.in(delayMs, () => this.#append(place, ticket));
    }
  }

  #append(place: number, ticket: Ticket): void {
    if (this.#world.trace.keepsLines)
      this.#world.note("bus", `${place}: ${ticket.dagRunId} ${ticket.taskId} try ${ticket.tryNumber}`);
    this.#partitions[place]?.append(ticket);
  }

  #join(process: SimProcess, subscription: TicketSubscription): TicketConsumer {
    const member: GroupMember = { process, life: process.life, subscription, isPaused: false };
    // A process that starts again has left with its last life.
    this.#members = [...this.#members.filter((other) => other.process !== process), member];
    this.#assign();
    return {
      pause: () => {
        member.isPaused = true;
      },
      resume: () => {
        member.isPaused = false;
        this.#pump();
      },
      close: () => {
        this.#remove([member]);
        return new Promise((resolve) => process.after(this.#random.next() * usualDelayMs, resolve));
      },
    };
  }

  #remove(gone: readonly GroupMember[]): void {
    this.#members = this.#members.filter((member) => !gone.includes(member));
    this.#assign();
  }

  #assign(): void {
    const members = this.#members;
    this.#partitions.forEach((partition, place) =>
      partition.giveTo(members[(place + this.#rotation) % members.length] ?? null),
    );
    for (const member of members) {
      const owned = this.#partitions.flatMap((partition, place) => (partition.owner === member ? [place] : []));
      this.#world.at(this.#world.now + this.#random.next() * usualDelayMs, member.process, () =>
        member.subscription.onPartitions(new Map(member.subscription.queues.map((queue) => [queue, owned]))),
      );
    }
    this.#pump();
  }

  #pump(): void {
    for (const partition of this.#partitions) partition.pump();
  }
}
