/** Does works in their order, each no sooner than it is due. */
export interface DelayLine {
  /** Answers whether the work has to wait. */
  put(delayMs: number, work: () => void): boolean;
  /** Drops what waits. */
  end(): void;
}

export function createDelayLine(): DelayLine {
  const waiting: { readonly dueAt: number; readonly work: () => void }[] = [];
  let timer: NodeJS.Timeout | null = null;

  function drain(): void {
    timer = null;
    const now = performance.now();
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      if (first.dueAt > now) {
        timer = setTimeout(drain, first.dueAt - now);
        return;
      }
      waiting.shift();
      first.work();
    }
  }

  return {
    put(delayMs, work) {
      if (delayMs === 0 && waiting.length === 0) {
        work();
        return false;
      }
      waiting.push({ dueAt: performance.now() + delayMs, work });
      timer ??= setTimeout(drain, delayMs);
      return true;
    },
    end() {
      waiting.length = 0;
      if (timer !== null) clearTimeout(timer);
    },
  };
}
