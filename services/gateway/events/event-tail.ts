import type { EventLog, PublishedEvent } from "#ports/event-log.ts";
import type { Wake } from "#ports/wake.ts";
import type { Logger } from "#telemetry/logger.ts";
import { createLatch } from "../latch.ts";

/** Events read at once. */
const batchSize = 500;
/** Wakes are hints; without one the log is read this often, in milliseconds. */
const pollMs = 1_000;

export type TailListener = (events: readonly PublishedEvent[]) => void;

/** A listener's place: it gets every event with a greater id than `position` was when it joined. */
export interface TailSeat {
  /** Id of the last event that was given to listeners. */
  readonly position: () => number;
  readonly leave: () => void;
}

/** The end of the event log, read once for the whole process and given to all listeners in the order of ids. */
export interface EventTail {
  readonly join: (listener: TailListener) => Promise<TailSeat>;
  /** Ends the reading. Nobody joins afterwards. */
  readonly stop: () => Promise<void>;
}

/** Reads only while somebody listens. */
export function createEventTail(deps: { events: EventLog; wake: Wake; logger: Logger }): EventTail {
  const listeners = new Set<TailListener>();
  const stopping = new AbortController();
  const latch = createLatch();
  const unlisten = deps.wake.listen("events", () => latch.open());
  let position = 0;
  /** The reading that is under way, from its beginning to its end. */
  let reading: { ready: Promise<void>; done: Promise<void> } | null = null;

  const readOn = async (): Promise<void> => {
    while (listeners.size > 0 && !stopping.signal.aborted) {
      const count = await deps.events.readAfter({ afterId: position, limit: batchSize, filter: {} }).then(give, report);
      if (count < batchSize && listeners.size > 0) await latch.wait({ timeoutMs: pollMs, signal: stopping.signal });
    }
    // In the same turn as the last look at the listeners: whoever joins next begins anew.
    reading = null;
  };
  const give = (events: readonly PublishedEvent[]): number => {
    position = events.at(-1)?.id ?? position;
    if (events.length > 0) for (const listener of listeners) listener(events);
    return events.length;
  };
  const report = (error: unknown): number => {
    deps.logger.warn({ err: error }, "events can't be read; trying again");
    return 0;
  };
  const begin = (): NonNullable<typeof reading> => {
    const ready = deps.events.lastId().then((id) => {
      position = id;
    });
    const done = ready.then(readOn, () => {
      reading = null;
    });
    return { ready, done };
  };

  return {
    async join(listener) {
      listeners.add(listener);
      latch.open();
      try {
        reading ??= begin();
        await reading.ready;
      } catch (thrown) {
        listeners.delete(listener);
        throw thrown;
      }
      const leave = () => {
        if (listeners.delete(listener)) latch.open();
      };
      return { position: () => position, leave };
    },
    async stop() {
      unlisten();
      stopping.abort();
      await reading?.done;
    },
  };
}
