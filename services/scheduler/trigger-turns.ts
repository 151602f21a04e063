export interface TurnOptions {
  readonly maxAtOnce: number;
  /** When the oldest has waited for longer, the newest is next. */
  readonly patienceMs: number;
}

interface Waiting {
  readonly begin: () => void;
  readonly since: number;
}

/**
 * Does so many works at once; the others have their turn in the order of their coming, and what waits is dropped when its
 * signal aborts. While more is asked for than can be done, the newest is next: who asked last is the likeliest still to
 * wait for the answer. The others give up and ask again, and in the order of their coming all would be answered too late.
 */
export function createTriggerTurns({
  maxAtOnce,
  patienceMs,
}: TurnOptions): <T>(work: () => Promise<T>, signal: AbortSignal | undefined) => Promise<T> {
  const waiting: Waiting[] = [];
  let running = 0;

  const waitForTurn = (signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      const begin = (): void => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      const entry = { begin, since: performance.now() };
      const leave = (): void => {
        waiting.splice(waiting.indexOf(entry), 1);
        reject(signal?.reason instanceof Error ? signal.reason : new Error("nobody waits for it"));
      };
      signal?.addEventListener("abort", leave, { once: true });
      waiting.push(entry);
    });

  const takeNext = (): Waiting | undefined => {
    const [oldest] = waiting;
    const isOverloaded = oldest !== undefined && performance.now() - oldest.since > patienceMs;
    return isOverloaded ? waiting.pop() : waiting.shift();
  };

  return async (work, signal) => {
    signal?.throwIfAborted();
    if (running >= maxAtOnce) await waitForTurn(signal);
    else running += 1;
    try {
      return await work();
    } finally {
      const next = takeNext();
      if (next === undefined) running -= 1;
      else next.begin();
    }
  };
}
