import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { LogLineSchema, StreamLogsResponseSchema } from "#gen/millrace/v1/task_service_pb.js";
import type { LogLineRow } from "#ports/log-store.ts";
import { readLogLevel } from "./log-level.ts";

/** Characters of log text in one message: far below what clients take by default (4 MB). */
const maxMessageLength = 256 * 1024;

/** Log lines as the API sends them, in messages of a bounded size. */
export function* toLogMessages(
  lines: readonly LogLineRow[],
  attempt: number,
): Generator<MessageInitShape<typeof StreamLogsResponseSchema>> {
  let batch: MessageInitShape<typeof LogLineSchema>[] = [];
  let length = 0;
  for (const line of lines) {
    if (batch.length > 0 && length + line.text.length > maxMessageLength) {
      yield { lines: batch };
      batch = [];
      length = 0;
    }
    batch.push(toLogLine(line, attempt));
    length += line.text.length;
  }
  if (batch.length > 0) yield { lines: batch };
}

function toLogLine(line: LogLineRow, attempt: number): MessageInitShape<typeof LogLineSchema> {
  return {
    number: BigInt(line.number),
    timestamp: timestampFromMs(line.at),
    source: line.source,
    level: readLogLevel(line.text),
    text: line.text,
    attempt,
  };
}
