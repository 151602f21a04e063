import { encodeShort, textBytes } from "../log-codec.ts";
import { type ChangePart, isLocked } from "./change-part.ts";

/** Short logs that come with their outcomes: each is the first chunk of its attempt, and left alone where there is one. */
export const logPart: ChangePart = {
  key: "logs",
  sql: `log AS (INSERT INTO log_chunks (run_key, ordinal, generation, try_number, chunk_sequence, first_line, line_count, dropped_bytes, content, first_byte, byte_count)
      SELECT l.run_key, l.ordinal, l.generation, l.try_number, 1, 1, l.line_count, l.dropped_bytes, decode(l.content, 'base64'), 0, l.byte_count
      FROM json_to_recordset($n) AS l(run_key bigint, ordinal integer, generation integer, try_number integer, line_count integer, dropped_bytes bigint, content text, byte_count integer)
      WHERE ${isLocked("l")} AND NOT EXISTS (SELECT 1 FROM log_chunks c WHERE c.run_key = l.run_key AND c.ordinal = l.ordinal AND c.generation = l.generation
        AND c.try_number = l.try_number AND c.chunk_sequence = 1))`,
  rows: ({ logs = [] }) =>
    logs.map(({ ordinal, generation, tryNumber, entries, droppedBytes }) => ({
      ...{ ordinal, generation, try_number: tryNumber, line_count: entries.length, dropped_bytes: droppedBytes },
      ...{ content: encodeShort(entries).toString("base64"), byte_count: textBytes(entries) },
    })),
};
