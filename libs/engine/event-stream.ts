import type { EngineEvent } from "./engine-event.ts";
import { EngineError } from "./engine-error.ts";

/** Events that wait for a reader. A loop of synchronous handlers lets no reader run: it may make two for each task. */
const maxWaitingEvents = 100_000;

type Read = PromiseWithResolvers<IteratorResult<EngineEvent, undefined>>;

const done: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** One reader of an engine's events: a bounded queue between the executions and a `for await` loop. */
export class EventStream implements AsyncIterableIterator<EngineEvent> {
  readonly #waiting: EngineEvent[] = [];
  /** How many of `#waiting` have been read. */
  #readCount = 0;
  readonly #reads: Read[] = [];
  readonly #unsubscribe: () => void;
  #isOver = false;
  #error: EngineError | null = null;

  constructor(unsubscribe: () => void) {
    this.#unsubscribe = unsubscribe;
  }

  push(event: EngineEvent): void {
    if (this.#isOver) return;
    const read = this.#reads.shift();
    if (read !== undefined) read.resolve({ done: false, value: event });
    else if (this.#waiting.length - this.#readCount < maxWaitingEvents) this.#waiting.push(event);
    else {
      this.#error = new EngineError(
        "EVENTS_LOST",
        `the reader of events() is more than ${maxWaitingEvents} events behind; read faster, or use the observer option`,
      );
      this.#close();
    }
    if (event.kind === "execution_ended") this.#close();
  }

  next(): Promise<IteratorResult<EngineEvent, undefined>> {
    const event = this.#waiting[this.#readCount];
    if (event !== undefined) {
      this.#readCount += 1;
      if (this.#readCount === this.#waiting.length) {
        this.#waiting.length = 0;
        this.#readCount = 0;
      }
      return Promise.resolve({ done: false, value: event });
    }
    if (this.#error !== null) {
      const error = this.#error;
      this.#error = null;
      return Promise.reject(error);
    }
    if (this.#isOver) return Promise.resolve(done);
    const read: Read = Promise.withResolvers();
    this.#reads.push(read);
    return read.promise;
  }

  return(): Promise<IteratorResult<EngineEvent, undefined>> {
    this.#waiting.length = 0;
    this.#readCount = 0;
    this.#error = null;
    this.#close();
    return Promise.resolve(done);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #close(): void {
    this.#isOver = true;
    this.#unsubscribe();
    for (const read of this.#reads.splice(0)) read.resolve(done);
  }
}
