import { AppError } from "#errors/app-error.ts";
import type { Clock, Timer } from "#ports/clock.ts";
import type { PoisonMessage } from "#ports/ticket-consumer.ts";

/** Reports on their way at a time; the others wait, so that a flood of poison is no flood on the session. */
const maxUnanswered = 8;
/** A report that is not acknowledged in this time counts as failed; the consumer reports again, with back-off. */
const answerDeadlineMs = 10_000;

/** Where a message lay. */
export type PoisonPlace = Pick<PoisonMessage, "topic" | "partition" | "offset">;

interface Report {
  readonly poison: PoisonMessage;
  readonly settle: (error: AppError | null) => void;
  /** Null: it is not on its way. */
  deadline: Timer | null;
}

/**
 * What a worker tells its executor of messages that are no tickets (G12). Each report waits until the executor has
 * committed it: while no session is open, and over its end, where it is sent again on the next one.
 */
export class PoisonReports {
  readonly #clock: Clock;
  readonly #send: (poison: PoisonMessage) => void;
  readonly #reports = new Map<string, Report>();
  #session: number | null = null;

  constructor(options: { readonly clock: Clock; readonly send: (poison: PoisonMessage) => void }) {
    this.#clock = options.clock;
    this.#send = options.send;
  }

  /** Resolves when the message is parked. */
  report(poison: PoisonMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error: AppError | null): void => (error === null ? resolve() : reject(error));
      const key = keyOf(poison);
      // One of a partition that moved away and came back; nobody waits for its answer any more.
      this.#reports.get(key)?.deadline?.cancel();
      this.#reports.set(key, { poison, settle, deadline: null });
      this.#sendWaiting();
    });
  }

  /** The number of the stream that reports go to; null: none is open. */
  setSession(session: number | null): void {
    if (session === this.#session) return;
    this.#session = session;
    for (const report of this.#reports.values()) {
      report.deadline?.cancel();
      report.deadline = null;
    }
    this.#sendWaiting();
  }

  acknowledge(place: PoisonPlace): void {
    this.#settle(keyOf(place), null);
  }

  /** Nothing is sent any more. */
  close(): void {
    for (const report of this.#reports.values()) report.deadline?.cancel();
    this.#reports.clear();
  }

  #sendWaiting(): void {
    if (this.#session === null) return;
    let free = maxUnanswered - [...this.#reports.values()].filter(({ deadline }) => deadline !== null).length;
    for (const [key, report] of this.#reports) {
      if (free <= 0) return;
      if (report.deadline !== null) continue;
      free -= 1;
      report.deadline = this.#clock.after(answerDeadlineMs, () => {
        const message = `the executor did not acknowledge the report of ${key} within ${answerDeadlineMs} ms`;
        this.#settle(key, new AppError("TIMEOUT", message));
      });
      this.#send(report.poison);
    }
  }

  #settle(key: string, error: AppError | null): void {
    const report = this.#reports.get(key);
    if (report === undefined) return;
    report.deadline?.cancel();
    this.#reports.delete(key);
    report.settle(error);
    this.#sendWaiting();
  }
}

function keyOf({ topic, partition, offset }: PoisonPlace): string {
  return `${topic}/${partition}/${offset}`;
}
