import type { Clock, Timer } from "#ports/clock.ts";
import type { QueuedInstance } from "#ports/queued-instance.ts";
import { tryKey } from "./try-key.ts";

/** Most tickets are claimed within a few milliseconds; what is claimed by then needs no stamp. */
const stampAfterMs = 20;

/** A ticket that went out before its instance was stamped. */
export interface UnstampedTicket {
  readonly instance: QueuedInstance;
  /** It is in flight still: nobody has claimed it or handed it back. */
  readonly isOut: () => boolean;
}

interface Entry extends UnstampedTicket {
  readonly sentAt: number;
}

/**
 * Stamps the instances of tickets that are in flight for longer than usual, and knows until then what is offered, so that
 * this executor does not pick it again. Another one may: whoever claims first has it (G3). One that nobody stamps, since
 * this process has died, is picked by the next scan of any (G2).
 */
export class LateStamps {
  readonly #clock: Clock;
  /** Never rejects. */
  readonly #stamp: (tickets: readonly UnstampedTicket[]) => Promise<void>;
  /** In the order in which they were sent. */
  readonly #sent = new Map<string, Entry>();
  readonly #stamping = new Map<string, Entry>();
  #timer: Timer | null = null;
  #isStopped = false;

  constructor(clock: Clock, stamp: (tickets: readonly UnstampedTicket[]) => Promise<void>) {
    this.#clock = clock;
    this.#stamp = stamp;
  }

  add(tickets: readonly UnstampedTicket[]): void {
    if (this.#isStopped) return;
    const sentAt = this.#clock.now();
    for (const ticket of tickets) this.#sent.set(tryKey(ticket.instance), { ...ticket, sentAt });
    this.#schedule(stampAfterMs);
  }

  /** Of how many the store may not know, at most. */
  get count(): number {
    return this.#sent.size + this.#stamping.size;
  }

  /** A ticket of this try is in flight, and the store may not know of it. */
  has(instance: QueuedInstance): boolean {
    const key = tryKey(instance);
    return (this.#sent.get(key) ?? this.#stamping.get(key))?.isOut() ?? false;
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#sent.clear();
  }

  #schedule(delayMs: number): void {
    this.#timer ??= this.#clock.after(delayMs, () => {
      this.#timer = null;
      void this.#stampOld();
    });
  }

  async #stampOld(): Promise<void> {
    const now = this.#clock.now();
    const old: Entry[] = [];
    for (const [key, entry] of this.#sent) {
      const restMs = entry.sentAt + stampAfterMs - now;
      if (restMs > 0) {
        this.#schedule(restMs);
        break;
      }
      this.#sent.delete(key);
      if (!entry.isOut()) continue;
      this.#stamping.set(key, entry);
      old.push(entry);
    }
    if (old.length === 0) return;
    await this.#stamp(old);
    for (const { instance } of old) this.#stamping.delete(tryKey(instance));
  }
}
