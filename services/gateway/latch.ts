/** Lets one waiter through each time it is opened; an opening that nobody waits for is kept for the next. */
export interface Latch {
  readonly open: () => void;
  /** Resolves when it is opened, after `timeoutMs`, or when the signal aborts, whichever is first; then it is closed again. */
  readonly wait: (options: { timeoutMs: number; signal: AbortSignal }) => Promise<void>;
}

export function createLatch(): Latch {
  let isOpen = false;
  let release: (() => void) | null = null;
  return {
    open() {
      isOpen = true;
      release?.();
    },
    wait({ timeoutMs, signal }) {
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          signal.removeEventListener("abort", done);
          release = null;
          isOpen = false;
          resolve();
        };
        const timer = setTimeout(done, timeoutMs);
        release = done;
        signal.addEventListener("abort", done, { once: true });
        if (isOpen || signal.aborted) done();
      });
    },
  };
}
