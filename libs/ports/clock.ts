/** A call that is still to come. */
export interface Timer {
  cancel(): void;
}

/** Time, turns and chance of one process. Nothing that a service does may come from anywhere else, so that it can be simulated. */
export interface Clock {
  /** Monotonic milliseconds; only differences mean something. */
  now(): number;
  /** Calls once, after at least so many milliseconds. */
  after(delayMs: number, call: () => void): Timer;
  /** Calls when everything that came in with this turn of the loop was handled: where batches gather. */
  nextTurn(call: () => void): void;
  /** Calls when the promise callbacks of what is going on have run. */
  afterCallbacks(call: () => void): void;
  /** At least 0, less than 1. */
  random(): number;
}
