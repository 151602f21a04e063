import type { MessageHeader } from "#ports/bus-message.ts";
import type { PoisonMessage } from "#ports/ticket-consumer.ts";
import { maxPoisonBytes, maxPoisonHeaderBytes, maxPoisonKeyBytes } from "./bus-limits.ts";
import type { StoredMessage } from "./message.ts";

/** What is handed on of a message that is no ticket: its beginning, and whether that is all of it. */
export function toPoisonMessage(
  { offset, key, value, allHeaders }: StoredMessage,
  place: { readonly topic: string; readonly partition: number; readonly reason: string },
): PoisonMessage {
  const headers = firstHeaders(allHeaders);
  const size = value?.length ?? 0;
  const isKeyKept = (key?.length ?? 0) <= maxPoisonKeyBytes;
  return {
    ...place,
    offset,
    key: isKeyKept ? key : null,
    value: value === null ? null : value.subarray(0, maxPoisonBytes),
    headers,
    size,
    isCut: size > maxPoisonBytes || !isKeyKept || headers.length < allHeaders.length,
  };
}

function firstHeaders(headers: readonly MessageHeader[]): readonly MessageHeader[] {
  let bytes = 0;
  const end = headers.findIndex(({ name, value }) => {
    bytes += Buffer.byteLength(name) + value.length;
    return bytes > maxPoisonHeaderBytes;
  });
  return end === -1 ? headers : headers.slice(0, end);
}
