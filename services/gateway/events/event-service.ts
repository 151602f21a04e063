import type { ServiceImpl } from "@connectrpc/connect";
import type { EventService, StreamEventsRequest } from "#gen/millrace/v1/event_service_pb.js";
import type { EventFilter, EventLog } from "#ports/event-log.ts";
import type { Queries } from "#ports/queries.ts";
import { toEventMessage } from "./event-message.ts";
import type { EventTail } from "./event-tail.ts";
import { followEvents } from "./follow-events.ts";
import { invalidField, readLimit } from "../list-request.ts";
import { requireRun } from "../runs/run-service.ts";

export interface EventServiceDeps {
  readonly queries: Queries;
  readonly events: EventLog;
  readonly tail: EventTail;
  /** Aborted when the service stops. */
  readonly stopSignal: AbortSignal;
}

/** Handles EventService. The first message of a stream is empty and says that it is open. */
export function createEventService(deps: EventServiceDeps): ServiceImpl<typeof EventService> {
  return {
    async *streamEvents(request, context) {
      const afterId = request.afterId === undefined ? null : readId(request.afterId);
      const signal = AbortSignal.any([context.signal, deps.stopSignal]);
      for await (const events of followEvents(deps, { afterId, filter: readFilter(request), signal })) {
        yield { events: events.map(toEventMessage) };
      }
    },

    async listEvents(request) {
      const run = await requireRun(deps.queries, { runId: request.dagRunId, dagId: "" });
      const limit = readLimit(request.limit);
      const afterId = request.cursor === "" ? 0 : readCursor(request.cursor);
      const events = await deps.events.readAfter({ afterId, limit: limit + 1, filter: { dagRunId: run.runId } });
      const shown = events.slice(0, limit);
      const nextCursor = events.length > limit ? String(shown.at(-1)?.id) : "";
      return { events: shown.map(toEventMessage), nextCursor, pageSize: limit };
    },
  };
}

function readFilter(request: StreamEventsRequest): EventFilter {
  const { dagId, dagRunId, resourceType, eventType } = request;
  return {
    ...(dagId === "" ? {} : { dagId }),
    ...(dagRunId === "" ? {} : { dagRunId }),
    ...(resourceType === "" ? {} : { resourceType }),
    ...(eventType === "" ? {} : { eventType }),
  };
}

function readId(id: bigint): number {
  const value = Number(id);
  if (value < 0 || !Number.isSafeInteger(value)) throw invalidField("after_id", `is no event id: ${id}`);
  return value;
}

function readCursor(cursor: string): number {
  if (!/^\d{1,15}$/.test(cursor)) throw invalidField("cursor", "is not from this list; begin without one");
  return Number(cursor);
}
