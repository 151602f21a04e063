/** Tells when the time of an execution is up: by a timer and, since a loop of synchronous handlers lets no timer fire, when asked. */
export class ExecutionClock {
  readonly #timeoutMs: number;
  readonly #expire: () => void;
  #dueAt = Number.POSITIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Infinity: never. */
  constructor(timeoutMs: number, expire: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#expire = expire;
  }

  start(): void {
    if (this.#timeoutMs === Number.POSITIVE_INFINITY) return;
    this.#dueAt = performance.now() + this.#timeoutMs;
    this.#timer = setTimeout(this.#expire, this.#timeoutMs);
  }

  isOver(): boolean {
    return this.#dueAt !== Number.POSITIVE_INFINITY && performance.now() >= this.#dueAt;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#dueAt = Number.POSITIVE_INFINITY;
  }
}
