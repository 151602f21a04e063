/** What is to be sent on one stream. Iterated once, by the transport, as fast as the other side reads. */
export interface Outbound<T> extends AsyncIterable<T> {
  /** Ahead of everything that waits in bulk. */
  send(message: T): void;
  /** After all else. `key` names whom it belongs to. */
  sendBulk(key: string, message: T): void;
  /** Whether something of this key waits in bulk. */
  hasBulk(key: string): boolean;
  /** Ends the stream after what waits. */
  end(): void;
}

/**
 * Two queues: a flood of log chunks never stands in front of a heartbeat. What belongs behind an attempt's chunks, its
 * outcome, goes in bulk itself.
 */
export function createOutbound<T>(): Outbound<T> {
  let urgent: T[] = [];
  let urgentNext = 0;
  let bulk: { readonly key: string; readonly message: T }[] = [];
  let bulkNext = 0;
  const bulkCounts = new Map<string, number>();
  let wake: (() => void) | null = null;
  let hasEnded = false;

  const notify = (): void => {
    wake?.();
    wake = null;
  };
  const takeUrgent = (): T | undefined => {
    const message = urgent[urgentNext];
    urgentNext += 1;
    if (urgentNext >= urgent.length) {
      urgent = [];
      urgentNext = 0;
    }
    return message;
  };
  const takeBulk = (): T | undefined => {
    const item = bulk[bulkNext];
    bulkNext += 1;
    if (bulkNext >= bulk.length) {
      bulk = [];
      bulkNext = 0;
    }
    if (item === undefined) return undefined;
    const left = (bulkCounts.get(item.key) ?? 1) - 1;
    if (left === 0) bulkCounts.delete(item.key);
    else bulkCounts.set(item.key, left);
    return item.message;
  };

  return {
    send(message) {
      urgent.push(message);
      notify();
    },
    sendBulk(key, message) {
      bulk.push({ key, message });
      bulkCounts.set(key, (bulkCounts.get(key) ?? 0) + 1);
      notify();
    },
    hasBulk: (key) => bulkCounts.has(key),
    end() {
      hasEnded = true;
      notify();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const message = takeUrgent() ?? takeBulk();
        if (message !== undefined) yield message;
        else if (hasEnded) return;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    },
  };
}
