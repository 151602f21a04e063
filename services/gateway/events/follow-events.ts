import { AppError } from "#errors/app-error.ts";
import type { EventFilter, EventLog, PublishedEvent } from "#ports/event-log.ts";
import type { EventTail } from "./event-tail.ts";
import { createLatch } from "../latch.ts";

/** Events that may wait for one client; more of them end its stream. */
const maxBuffered = 1_000;
const pageSize = 500;
/** A listener that hears nothing looks at its signal this often, in milliseconds. */
const idleMs = 60_000;

export interface Follow {
  /** Id of the last event that the client has; null: from now on. */
  readonly afterId: number | null;
  readonly filter: EventFilter;
  readonly signal: AbortSignal;
}

/**
 * Events in the order of their ids, without gap or duplicate, until the signal aborts: first an empty list, from which
 * on nothing is missed, then from the log what came before, then from the tail what comes. A client that lets 1,000 events wait loses the stream with
 * `STREAM_TOO_SLOW`; `details.resume_after` is where to go on.
 */
export async function* followEvents(
  deps: { events: EventLog; tail: EventTail },
  follow: Follow,
): AsyncGenerator<readonly PublishedEvent[]> {
  const { filter, signal } = follow;
  const buffer = createBuffer(filter);
  const seat = await deps.tail.join((events) => buffer.add(events));
  try {
    let joinedAt = seat.position();
    let position = await readStart(deps.events, follow.afterId, joinedAt);
    yield [];
    while (position < joinedAt && !signal.aborted) {
      const page = await deps.events.readAfter({ afterId: position, limit: pageSize, filter });
      if (page.length > 0) yield page;
      position = page.length === pageSize ? lastId(page, position) : Math.max(lastId(page, position), joinedAt);
      // What did not fit is in the log as well: read on there instead.
      if (buffer.clearIfOverflown()) joinedAt = seat.position();
    }
    while (!signal.aborted) {
      if (buffer.isOverflown()) throw tooSlow(position);
      const events = buffer.take().filter((event) => event.id > position);
      if (events.length === 0) {
        await buffer.wait(signal);
        continue;
      }
      position = lastId(events, position);
      yield events;
    }
  } finally {
    seat.leave();
  }
}

/** The tail may lag behind a client's id; but one that the log has not reached is another database's: from now on then. */
async function readStart(events: EventLog, afterId: number | null, joinedAt: number): Promise<number> {
  if (afterId === null) return joinedAt;
  return afterId <= joinedAt || afterId <= (await events.lastId()) ? afterId : joinedAt;
}

function createBuffer(filter: EventFilter) {
  const latch = createLatch();
  let waiting: PublishedEvent[] = [];
  let isOverflown = false;
  return {
    add(events: readonly PublishedEvent[]): void {
      if (isOverflown) return;
      const matching = events.filter((event) => matchesFilter(event, filter));
      if (matching.length === 0) return;
      isOverflown = waiting.length + matching.length > maxBuffered;
      if (!isOverflown) waiting.push(...matching);
      latch.open();
    },
    take(): readonly PublishedEvent[] {
      const taken = waiting;
      waiting = [];
      return taken;
    },
    wait: (signal: AbortSignal) => latch.wait({ timeoutMs: idleMs, signal }),
    isOverflown: () => isOverflown,
    clearIfOverflown(): boolean {
      const was = isOverflown;
      if (was) waiting = [];
      isOverflown = false;
      return was;
    },
  };
}

/** The same rule as the store's when it reads. */
function matchesFilter(event: PublishedEvent, filter: EventFilter): boolean {
  return (
    (filter.dagId === undefined || event.dagId === filter.dagId) &&
    (filter.dagRunId === undefined || event.dagRunId === filter.dagRunId) &&
    (filter.resourceType === undefined || event.resourceType === filter.resourceType) &&
    (filter.eventType === undefined || event.eventType === filter.eventType)
  );
}

function lastId(events: readonly PublishedEvent[], otherwise: number): number {
  return events.at(-1)?.id ?? otherwise;
}

function tooSlow(position: number): AppError {
  const message = `more than ${maxBuffered} events waited for this client; connect again after id ${position}`;
  return new AppError("STREAM_TOO_SLOW", message, { details: { resume_after: position } });
}
