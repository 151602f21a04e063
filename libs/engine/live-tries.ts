type Timer = ReturnType<typeof setTimeout>;

/** The signals and timers of the tries that run or are delayed; both are made when somebody needs them. */
export class LiveTries {
  readonly #controllers = new Map<number, AbortController>();
  readonly #timers = new Map<number, Timer>();

  /** The signal of the running try, made with its first use. */
  signalOf(index: number): AbortSignal {
    const known = this.#controllers.get(index);
    if (known !== undefined) return known.signal;
    const controller = new AbortController();
    this.#controllers.set(index, controller);
    return controller.signal;
  }

  hasSignal(index: number): boolean {
    return this.#controllers.has(index);
  }

  abort(index: number, reason: unknown): void {
    this.#controllers.get(index)?.abort(reason);
  }

  abortAll(reason: unknown): void {
    for (const controller of [...this.#controllers.values()]) controller.abort(reason);
  }

  /** A try has one timer at most: its timeout or, when it has failed, the delay of the next. */
  startTimer(index: number, delayMs: number, call: () => void): void {
    this.#timers.set(index, setTimeout(call, delayMs));
  }

  /** Releases the tries that are over, when many have ended at once. */
  releaseWhere(isOver: (index: number) => boolean): void {
    for (const index of new Set([...this.#controllers.keys(), ...this.#timers.keys()])) {
      if (isOver(index)) this.release(index);
    }
  }

  hasTimer(index: number): boolean {
    return this.#timers.has(index);
  }

  /** The try is over: nothing of it may fire or be reached any more. */
  release(index: number): void {
    if (this.#controllers.size > 0) this.#controllers.delete(index);
    if (this.#timers.size === 0) return;
    clearTimeout(this.#timers.get(index));
    this.#timers.delete(index);
  }
}
