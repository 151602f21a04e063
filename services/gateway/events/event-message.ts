import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { EventSchema } from "#gen/millrace/v1/event_service_pb.js";
import type { PublishedEvent } from "#ports/event-log.ts";

/** An event as the API shows it. */
export function toEventMessage(event: PublishedEvent): MessageInitShape<typeof EventSchema> {
  return {
    id: BigInt(event.id),
    eventType: event.eventType,
    resourceType: event.resourceType,
    resourceId: event.resourceId,
    timestamp: timestampFromMs(event.at),
    data: event.data as JsonObject,
    correlationId: event.correlationId ?? "",
  };
}
