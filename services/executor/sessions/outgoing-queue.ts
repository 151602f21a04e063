import { AppError } from "#errors/app-error.ts";

/** A worker that reads nothing while so many messages wait is cut off: its lease decides about its attempts. */
const maxWaiting = 10_000;

/** Messages for one stream, in order; iterated once. */
export class OutgoingQueue<T> implements AsyncIterable<T> {
  #waiting: T[] = [];
  #wakeReader: (() => void) | null = null;
  #end: { readonly error: AppError | null } | null = null;

  get isClosed(): boolean {
    return this.#end !== null;
  }

  push(message: T): void {
    if (this.#end !== null) return;
    this.#waiting.push(message);
    if (this.#waiting.length > maxWaiting)
      this.close(new AppError("WORKER_REFUSED", "the worker does not read its session; it is closed"));
    this.#wakeReader?.();
  }

  /** Ends the stream after what is waiting; with an error at once. */
  close(error: AppError | null = null): void {
    this.#end ??= { error };
    if (error !== null) this.#waiting = [];
    this.#wakeReader?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting;
        this.#waiting = [];
        yield* batch;
      }
      if (this.#end !== null) {
        if (this.#end.error !== null) throw this.#end.error;
        return;
      }
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
      this.#wakeReader = null;
    }
  }
}
