import type { EventFilter, EventLog, PublishedEvent } from "#ports/event-log.ts";
import type { MemoryState } from "./memory-state.ts";

/** Events have their ids from the beginning, so publishing only says whether the epoch leads. */
export function createMemoryEvents(state: MemoryState): EventLog {
  return {
    async publish(epoch) {
      return state.leads("relay", epoch) ? 0 : null;
    },
    async readAfter({ afterId, limit, filter }) {
      const found: PublishedEvent[] = [];
      // Ids count from 1 without gaps, so an id is the place of the event behind it.
      for (let place = afterId; place < state.events.length && found.length < limit; place += 1) {
        const event = state.events[place];
        if (event !== undefined && matches(event, filter)) found.push(event);
      }
      return found;
    },
    async lastId() {
      return state.events.length;
    },
  };
}

function matches(event: PublishedEvent, filter: EventFilter): boolean {
  return (
    (filter.dagId === undefined || event.dagId === filter.dagId) &&
    (filter.dagRunId === undefined || event.dagRunId === filter.dagRunId) &&
    (filter.resourceType === undefined || event.resourceType === filter.resourceType) &&
    (filter.eventType === undefined || event.eventType === filter.eventType)
  );
}
