import { AppError, describeError } from "#errors/app-error.ts";
import type { TicketSubscription } from "#ports/ticket-consumer.ts";
import type { Clock, Timer } from "#ports/clock.ts";
import type { Logger } from "#telemetry/logger.ts";
import { maxInHand } from "./bus-limits.ts";
import type { StoredMessage } from "./message.ts";
import { OffsetTracker } from "./offset-tracker.ts";
import { toPoisonMessage } from "./poison-message.ts";
import { decodeTicket } from "./ticket-codec.ts";

const firstParkPauseMs = 200;
const longestParkPauseMs = 10_000;

export interface IntakeOptions {
  readonly queue: string;
  readonly topic: string;
  readonly partition: number;
  readonly subscription: TicketSubscription;
  /** Something is done: there may be an offset to commit. */
  readonly onProgress: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** An offset that may be committed now; `settle` tells that the broker has it. */
export interface ReadyOffset {
  readonly next: number;
  settle(): void;
}

/**
 * What one consumer holds of one partition, from the moment at which it owns it until it moves away. The same for every
 * adapter: tickets go to the handler, poison is parked beside them (G12), and offsets are released in order.
 */
export class PartitionIntake {
  readonly #options: IntakeOptions;
  readonly #parkTimers = new Set<Timer>();
  #tracker = new OffsetTracker();
  #isEnded = false;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  get isFull(): boolean {
    return this.#tracker.size >= maxInHand;
  }

  /** Worth reading on after it was full. */
  get hasRoom(): boolean {
    return this.#tracker.size <= maxInHand / 2;
  }

  take(message: StoredMessage): void {
    const tracked = this.#track(message);
    if (tracked === null) return;
    const decoded = decodeTicket(message);
    let isDone = false;
    const done = (): void => {
      if (isDone || this.#isEnded) return;
      isDone = true;
      tracked();
      this.#options.onProgress();
    };
    if (decoded.kind === "poison") return this.#park(message, decoded.reason, done, firstParkPauseMs);
    const { queue, partition, subscription, logger } = this.#options;
    try {
      subscription.onTicket({ queue, partition, ticket: decoded.ticket, done });
    } catch (thrown) {
      // It would throw again; the instance is dispatched again when nobody claims it (G2).
      const err = AppError.from(thrown);
      logger.error(
        { err, queue, partition, offset: message.offset },
        "the handler of tickets failed, the ticket is dropped",
      );
      done();
    }
  }

  readyOffset(): ReadyOffset | null {
    const tracker = this.#tracker;
    const next = tracker.committable();
    return next === null ? null : { next, settle: () => tracker.committed(next) };
  }

  /** The partition has moved away: what is in hand is no longer ours to commit. */
  end(): void {
    this.#isEnded = true;
    for (const timer of this.#parkTimers) timer.cancel();
    this.#parkTimers.clear();
  }

  #track({ offset, stamp }: StoredMessage): (() => void) | null {
    const { queue, partition, logger } = this.#options;
    let tracked = this.#tracker.add(offset, stamp);
    if (tracked.kind === "rewound") {
      logger.warn({ queue, partition, offset }, "the offsets of a queue's partition went back, reading on from there");
      this.#tracker = new OffsetTracker();
      tracked = this.#tracker.add(offset, stamp);
    }
    return tracked.kind === "new" ? tracked.finish : null;
  }

  #park(message: StoredMessage, reason: string, done: () => void, pauseMs: number): void {
    const { topic, partition, subscription, clock, logger } = this.#options;
    const { offset } = message;
    const poison = toPoisonMessage(message, { topic, partition, reason });
    const parkLater = (thrown: unknown): void => {
      if (this.#isEnded) return;
      const fields = { topic, partition, offset, error: describeError(thrown), retry_in_ms: pauseMs };
      logger.warn(fields, "a message that is no ticket could not be parked, trying again");
      const timer = clock.after(pauseMs, () => {
        this.#parkTimers.delete(timer);
        this.#park(message, reason, done, Math.min(pauseMs * 2, longestParkPauseMs));
      });
      this.#parkTimers.add(timer);
    };
    // A handler that throws before it has a promise counts like one whose promise rejects.
    void new Promise<void>((resolve) => resolve(subscription.onPoison(poison))).then(done, parkLater);
  }
}
