/** What one side of a stream receives, in order; read by one reader. */
export class MessageQueue<T> implements AsyncIterableIterator<T> {
  readonly #waiting: T[] = [];
  #reader: { readonly resolve: (result: IteratorResult<T>) => void; readonly reject: (error: Error) => void } | null =
    null;
  #end: { readonly error: Error | null } | null = null;

  push(message: T): void {
    if (this.#end !== null) return;
    const reader = this.#reader;
    this.#reader = null;
    if (reader === null) this.#waiting.push(message);
    else reader.resolve({ done: false, value: message });
  }

  end(error: Error | null): void {
    if (this.#end !== null) return;
    this.#end = { error };
    const reader = this.#reader;
    this.#reader = null;
    if (reader === null) return;
    if (error === null) reader.resolve({ done: true, value: undefined });
    else reader.reject(error);
  }

  next(): Promise<IteratorResult<T>> {
    const message = this.#waiting.shift();
    if (message !== undefined) return Promise.resolve({ done: false, value: message });
    if (this.#end !== null)
      return this.#end.error === null
        ? Promise.resolve({ done: true, value: undefined })
        : Promise.reject(this.#end.error);
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
