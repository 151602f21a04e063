import { isUtf8 } from "node:buffer";
import type { DeadLetter } from "#gen/millrace/v1/dead_letter_service_pb.js";
import type { Paint } from "./paint.ts";
import { timestampMillis } from "./proto-words.ts";
import { renderTable } from "./table.ts";
import { instantText } from "./time-text.ts";

/** Of a message so many bytes are shown; JSON and YAML have all that is kept. */
const maxShownBytes = 512;

/** Dead letters as a table, one a row, in the order given. */
export function renderDeadLetters(
  letters: readonly DeadLetter[],
  options: { paint: Paint; width: number | null },
): readonly string[] {
  return renderTable({
    columns: [
      { title: "ID", align: "right" },
      { title: "TOPIC", flexible: true },
      { title: "PARTITION", align: "right" },
      { title: "OFFSET", align: "right" },
      { title: "REASON", flexible: true },
      { title: "PARKED" },
      { title: "STATE" },
    ],
    rows: letters.map((letter) => [
      { text: letter.id },
      { text: letter.topic },
      { text: String(letter.partition) },
      { text: String(letter.offset) },
      { text: letter.reason },
      { text: instantOf(letter.parkedAt) },
      { text: stateOf(letter) },
    ]),
    ...options,
  });
}

/** One dead letter with its message. */
export function renderDeadLetter(letter: DeadLetter): readonly string[] {
  const { id, topic, partition, offset, reason, size, reportedBy, key, value, headers } = letter;
  const facts = [
    ["dead letter", id],
    ["topic", `${topic}, partition ${partition}, offset ${offset}`],
    ["reason", reason],
    ["reported by", reportedBy],
    ["parked", instantOf(letter.parkedAt)],
    ["state", stateOf(letter)],
    ["key", key === undefined ? "none" : bytesText(key)],
    ...headers.map((header) => ["header", `${header.name}: ${bytesText(header.value)}`]),
    ["value", value === undefined ? "none" : `${size} bytes: ${bytesText(value)}`],
  ];
  return facts.map(([name = "", text = ""]) => `${name.padEnd(12)} ${text}`);
}

function stateOf({ replayedAt, isCut, furtherCount }: DeadLetter): string {
  const state = replayedAt === undefined ? "parked" : `replayed ${instantOf(replayedAt)}`;
  return `${state}${isCut ? ", cut" : ""}${furtherCount > 0n ? `, and ${furtherCount} more of its topic` : ""}`;
}

/** As a JSON string where it is text, else in hexadecimal. */
function bytesText(bytes: Uint8Array): string {
  const shown = bytes.subarray(0, maxShownBytes);
  const more = bytes.length > maxShownBytes ? " …" : "";
  const text = isUtf8(shown)
    ? JSON.stringify(Buffer.from(shown).toString())
    : `0x${Buffer.from(shown).toString("hex")}`;
  return `${text}${more}`;
}

function instantOf(at: DeadLetter["parkedAt"]): string {
  const atMs = timestampMillis(at);
  return atMs === null ? "" : instantText(atMs);
}
