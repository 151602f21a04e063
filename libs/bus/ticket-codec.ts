import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { AppError, describeError } from "#errors/app-error.ts";
import { TicketSchema } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { Ticket } from "#ports/ticket-consumer.ts";
import { maxTicketBytes } from "./bus-limits.ts";
import type { EncodedMessage, StoredMessage } from "./message.ts";

/** Raised when an older consumer would misread a ticket; new fields alone don't raise it. */
const ticketVersion = "1";
const versionHeader = "ticket-version";
const contentType = "application/x-protobuf";

export type DecodedTicket =
  | { readonly kind: "ticket"; readonly ticket: Ticket }
  | { readonly kind: "poison"; readonly reason: string };

/** The message `millrace.v1.Ticket`, with its version as a header; docs/bus.md has the form for other languages. */
export function encodeTicket(ticket: Ticket, partition: number | null): EncodedMessage {
  const { dagRunId, taskId, mapIndex, generation, tryNumber, skipHint } = ticket;
  const attempt = { dagRunId, taskId, generation, tryNumber, ...(mapIndex === null ? {} : { mapIndex }) };
  const value = toBinary(TicketSchema, create(TicketSchema, { attempt, skipHint }));
  const key = mapIndex === null ? `${dagRunId}/${taskId}` : `${dagRunId}/${taskId}/${mapIndex}`;
  if (value.length > maxTicketBytes) {
    throw new AppError(
      "BODY_TOO_LARGE",
      `the ticket of task ${taskId.slice(0, 200)} has ${value.length} bytes, ${maxTicketBytes} are allowed: use shorter ids`,
    );
  }
  return { key, value, partition, headers: { "content-type": contentType, [versionHeader]: ticketVersion } };
}

/** Never throws: what is no ticket of a known version is poison, with a reason for people. */
export function decodeTicket(message: Pick<StoredMessage, "value" | "headers">): DecodedTicket {
  const { value, headers } = message;
  const version = headers.get(versionHeader);
  if (version === undefined) return poison(`it has no header ${versionHeader}`);
  if (version !== ticketVersion) {
    return poison(`its ${versionHeader} is ${JSON.stringify(version.slice(0, 20))}, only "${ticketVersion}" is known`);
  }
  if (value === null || value.length === 0) return poison("it has no value");
  if (value.length > maxTicketBytes) return poison(`it has ${value.length} bytes, a ticket at most ${maxTicketBytes}`);
  try {
    return checkTicket(value);
  } catch (thrown) {
    return poison(`it is no millrace.v1.Ticket: ${describeError(thrown)}`);
  }
}

/** Almost any bytes are a protobuf message of unknown fields, so what a ticket must have is checked too. */
function checkTicket(value: Uint8Array): DecodedTicket {
  const { attempt, skipHint } = fromBinary(TicketSchema, value);
  if (attempt === undefined) return poison("it is a ticket without an attempt");
  const { dagRunId, taskId, mapIndex = null, generation, tryNumber } = attempt;
  if (dagRunId === "" || taskId === "") return poison("its attempt has no run or no task");
  if (generation < 1 || tryNumber < 1)
    return poison(`its generation ${generation} and try ${tryNumber} must be 1 or more`);
  if (mapIndex !== null && mapIndex < 0) return poison(`its map index ${mapIndex} is negative`);
  return { kind: "ticket", ticket: { dagRunId, taskId, mapIndex, generation, tryNumber, skipHint } };
}

function poison(reason: string): DecodedTicket {
  return { kind: "poison", reason };
}
