import type { Clock, Timer } from "#ports/clock.ts";
import { keyOf } from "./attempt.ts";
import type { NumberedChunk } from "./attempt-logs.ts";

/** How long a short beginning of a log waits for the end of its attempt; readers may be told of it that much later. */
const withheldMs = 20;
/** What an outcome takes along at most, in characters of text. */
const maxLength = 4096;

/**
 * The first chunk of an attempt's log, while it may be the only one: an attempt that ends at once takes it along with its
 * outcome, which spares a message, a transaction and an acknowledgement of its own.
 */
export class WithheldLogs {
  readonly #clock: Pick<Clock, "after">;
  readonly #send: (chunk: NumberedChunk) => void;
  readonly #withheld = new Map<string, { readonly chunk: NumberedChunk; readonly timer: Timer }>();

  constructor(clock: Pick<Clock, "after">, send: (chunk: NumberedChunk) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /** Sends the chunk, now or soon, unless it is taken before. */
  put(chunk: NumberedChunk): void {
    const key = keyOf(chunk.ref);
    this.release(key);
    if (chunk.sequence > 1 || lengthOf(chunk) > maxLength) {
      this.#send(chunk);
      return;
    }
    const timer = this.#clock.after(withheldMs, () => this.release(key));
    this.#withheld.set(key, { chunk, timer });
  }

  /** What is withheld of the attempt's log, which is the caller's now; null: nothing is. */
  take(key: string): NumberedChunk | null {
    const found = this.#withheld.get(key);
    found?.timer.cancel();
    this.#withheld.delete(key);
    return found?.chunk ?? null;
  }

  /** Sends what is withheld. */
  release(key: string): void {
    const chunk = this.take(key);
    if (chunk !== null) this.#send(chunk);
  }

  /** Forgets all: it is sent with whatever else is not acknowledged. */
  clear(): void {
    for (const key of [...this.#withheld.keys()]) this.take(key);
  }
}

function lengthOf({ entries }: NumberedChunk): number {
  return entries.reduce((sum, { text }) => sum + text.length, 0);
}
