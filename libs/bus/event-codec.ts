import { AppError } from "#errors/app-error.ts";
import type { BusEvent } from "#ports/bus.ts";
import { maxEventBytes } from "./bus-limits.ts";
import type { EncodedMessage } from "./message.ts";

const encoder = new TextEncoder();

/** A CloudEvent 1.0 in the structured mode of its Kafka binding: the whole event is one JSON document. */
export function encodeEvent(event: BusEvent): EncodedMessage {
  const { key, id, source, type, subject, time, data } = event;
  const document = { specversion: "1.0", id, source, type, subject, time, datacontenttype: "application/json", data };
  const value = encoder.encode(JSON.stringify(document));
  if (value.length > maxEventBytes) {
    throw new AppError(
      "BODY_TOO_LARGE",
      `event ${id} (${type}) has ${value.length} bytes, ${maxEventBytes} are allowed: leave its data out`,
      { details: { event_id: id } },
    );
  }
  return { key, value, partition: null, headers: { "content-type": "application/cloudevents+json; charset=UTF-8" } };
}
