import type { Ticket, TicketSubscription } from "#ports/ticket-consumer.ts";
import type { SimProcess } from "./sim-process.ts";
import type { World } from "./world.ts";

/** A worker in one of its lives, as its group knows it. */
export interface GroupMember {
  readonly process: SimProcess;
  readonly life: number;
  readonly subscription: TicketSubscription;
  isPaused: boolean;
}

export interface SimPartitionOptions {
  readonly world: World;
  /** Between the broker and a member, in milliseconds. */
  readonly drawDelay: () => number;
  readonly isAway: () => boolean;
  /** Whether a ticket is delivered though its member takes none for now: it was fetched before. */
  readonly ignoresPause: () => boolean;
}

/** A ticket that its owner has taken in. */
interface Delivered {
  readonly at: number;
  isDone: boolean;
}

/** One partition: tickets in order, the offset behind what is done, and the member that reads it. */
export class SimPartition {
  readonly #place: number;
  readonly #world: World;
  readonly #drawDelay: () => number;
  readonly #isAway: () => boolean;
  readonly #ignoresPause: () => boolean;
  readonly #log: Ticket[] = [];
  #committed = 0;
  #owner: GroupMember | null = null;
  /** Raised when the owner has to begin anew: what is on its way to the last one is not for it. */
  #epoch = 0;
  #isFetching = false;
  /** From the committed offset on. */
  #delivered: Delivered[] = [];

  constructor(place: number, options: SimPartitionOptions) {
    this.#place = place;
    this.#world = options.world;
    this.#drawDelay = options.drawDelay;
    this.#isAway = options.isAway;
    this.#ignoresPause = options.ignoresPause;
  }

  get owner(): GroupMember | null {
    return this.#owner;
  }

  append(ticket: Ticket): void {
    this.#log.push(ticket);
    this.pump();
  }

  /** Sets the committed offset back, at 1 to the first of all; whoever reads has to begin there. */
  rewind(share: number): void {
    this.#committed = Math.round(this.#committed * (1 - share));
    this.#beginAnew();
  }

  giveTo(member: GroupMember | null): void {
    if (member === this.#owner) return;
    this.#owner = member;
    this.#beginAnew();
  }

  countStuck(ageMs: number): number {
    const { process, life } = this.#owner ?? {};
    if (process === undefined || !process.isAlive || process.life !== life) return 0;
    return this.#delivered.filter(({ at, isDone }) => !isDone && at < this.#world.now - ageMs).length;
  }

  /** Sends the next ticket to the owner, one at a time, when it takes any. */
  pump(): void {
    const owner = this.#owner;
    if (owner === null || !this.#mayDeliver(owner) || this.#isFetching) return;
    if (this.#committed + this.#delivered.length >= this.#log.length) return;
    this.#isFetching = true;
    const epoch = this.#epoch;
    this.#world.at(this.#world.now + this.#drawDelay(), owner.process, () => {
      if (epoch !== this.#epoch) return;
      this.#isFetching = false;
      if (this.#mayDeliver(owner)) this.#deliver(owner);
      this.pump();
    });
  }

  #mayDeliver(owner: GroupMember): boolean {
    return !this.#isAway() && (!owner.isPaused || this.#ignoresPause());
  }

  #deliver({ subscription }: GroupMember): void {
    const ticket = this.#log[this.#committed + this.#delivered.length];
    if (ticket === undefined) return;
    const delivered: Delivered = { at: this.#world.now, isDone: false };
    this.#delivered.push(delivered);
    const epoch = this.#epoch;
    const [queue = ""] = subscription.queues;
    const done = (): void => {
      delivered.isDone = true;
      if (epoch === this.#epoch) this.#commit();
    };
    subscription.onTicket({ queue, partition: this.#place, ticket, done });
  }

  /** Only what is done without a gap. */
  #commit(): void {
    const inHand = this.#delivered.findIndex(({ isDone }) => !isDone);
    const count = inHand === -1 ? this.#delivered.length : inHand;
    this.#committed += count;
    this.#delivered.splice(0, count);
  }

  #beginAnew(): void {
    this.#epoch += 1;
    this.#isFetching = false;
    this.#delivered = [];
  }
}
