import type { AttemptAddress, LogEntryRow, LogLineRow, LogStore, NewLogChunk } from "#ports/log-store.ts";
import type { Wake } from "#ports/wake.ts";
import type { Database } from "./database.ts";
import { decodeLines, encodeLines, textBytes } from "./log-codec.ts";

/** Attempts are locked in one order, so that two batches can't wait for each other. Held until the commit. */
const lockAttempts = {
  name: "lock_attempt_logs",
  text: `SELECT pg_advisory_xact_lock(key) FROM (SELECT DISTINCT hashtextextended(name, 0) AS key FROM unnest($1::text[]) AS name ORDER BY 1) keys`,
};

/**
 * Numbers the lines after those of the chunk before. The table is partitioned by time, so no unique key can refuse a
 * chunk that comes again in another month: the attempt's lock and the look do.
 */
const insertChunks = {
  name: "insert_log_chunks",
  text: `WITH chunk AS (
      SELECT c.* FROM unnest($1::bigint[], $2::integer[], $3::integer[], $4::integer[], $5::bigint[], $6::integer[], $7::bigint[], $8::bytea[], $9::integer[])
        AS c(run_key, ordinal, generation, try_number, chunk_sequence, line_count, dropped_bytes, content, byte_count)
      WHERE NOT EXISTS (SELECT 1 FROM log_chunks l WHERE l.run_key = c.run_key AND l.ordinal = c.ordinal AND l.generation = c.generation
        AND l.try_number = c.try_number AND l.chunk_sequence = c.chunk_sequence)
    ), numbered AS (
      SELECT c.*, COALESCE(before.next_line, 1) + COALESCE(sum(c.line_count) OVER earlier, 0) AS first_line,
        CASE WHEN before.next_line IS NULL THEN 0 ELSE before.next_byte END + COALESCE(sum(c.byte_count) OVER earlier, 0) AS first_byte
      FROM chunk c LEFT JOIN LATERAL (SELECT l.first_line + l.line_count AS next_line, l.first_byte + l.byte_count AS next_byte FROM log_chunks l WHERE l.run_key = c.run_key
        AND l.ordinal = c.ordinal AND l.generation = c.generation AND l.try_number = c.try_number ORDER BY l.chunk_sequence DESC LIMIT 1) before ON true
      WINDOW earlier AS (PARTITION BY c.run_key, c.ordinal, c.generation, c.try_number ORDER BY c.chunk_sequence
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ) INSERT INTO log_chunks (run_key, ordinal, generation, try_number, chunk_sequence, first_line, line_count, dropped_bytes, content, first_byte, byte_count)
      SELECT run_key, ordinal, generation, try_number, chunk_sequence, first_line, line_count, dropped_bytes, content, first_byte, byte_count FROM numbered
      RETURNING run_key, ordinal`,
};

const selectChunks = {
  name: "read_log_chunks",
  text: `SELECT chunk_sequence, first_line, content FROM log_chunks WHERE run_key = $1 AND ordinal = $2 AND generation = $3 AND try_number = $4
    AND chunk_sequence > $5 AND first_line + line_count > $6 ORDER BY chunk_sequence LIMIT $7`,
};

const ofAttempt = "run_key = $1 AND ordinal = $2 AND generation = $3 AND try_number = $4";

const selectTextSize = {
  name: "read_log_text_size",
  text: `SELECT first_byte + byte_count AS size FROM log_chunks WHERE ${ofAttempt} ORDER BY chunk_sequence DESC LIMIT 1`,
};

/** Only the first look of a range passes by the chunks before it. */
const selectTextChunks = {
  name: "read_log_text",
  text: `SELECT chunk_sequence, first_byte, content FROM log_chunks WHERE ${ofAttempt}
    AND chunk_sequence > $5 AND first_byte + byte_count > $6 AND first_byte < $7 ORDER BY chunk_sequence LIMIT $8`,
};

/** Chunks have at most 64 KiB, so a read holds a few MB at a time. */
const chunksPerRead = 50;

/** Of a range: what waits for a slow reader is less than 1 MB. */
const textChunksPerRead = 8;

interface TextChunkRow {
  readonly chunk_sequence: number;
  readonly first_byte: number;
  readonly content: Buffer;
}

interface ChunkRow {
  readonly chunk_sequence: number;
  readonly first_line: number;
  readonly content: Buffer;
}

/** Logs in PostgreSQL: compressed chunks with the number of their first line. */
export function createLogRepository(options: { database: Database; wake: Wake }): LogStore {
  const { database, wake } = options;
  return {
    async append(chunks) {
      if (chunks.length === 0) return;
      const values = await toColumns(chunks);
      const rows = await database.transaction(async (transaction) => {
        void transaction.query(lockAttempts, [chunks.map(addressOf)]);
        const written = transaction.query<{ run_key: number; ordinal: number }>(insertChunks, values);
        await transaction.commit();
        return written;
      });
      for (const row of rows) wake.notify("logs", `${row.run_key}/${row.ordinal}`);
    },
    async read({ attempt, afterLine, limit }) {
      const lines: LogLineRow[] = [];
      let afterChunk = 0;
      while (lines.length < limit) {
        const rows = await database.query<ChunkRow>(selectChunks, [
          ...keyOf(attempt),
          afterChunk,
          afterLine + 1,
          chunksPerRead,
        ]);
        for (const row of rows) {
          if (lines.length < limit) lines.push(...(await linesOf(row, afterLine)));
        }
        if (rows.length < chunksPerRead) break;
        afterChunk = rows.at(-1)?.chunk_sequence ?? afterChunk;
      }
      return lines.slice(0, limit);
    },
    async textSize(attempt) {
      const [row] = await database.query<{ size: number | null }>(selectTextSize, [...keyOf(attempt)]);
      return row === undefined ? 0 : row.size;
    },
    async *readText({ attempt, start, end }) {
      let afterChunk = 0;
      for (;;) {
        const values = [...keyOf(attempt), afterChunk, start, end, textChunksPerRead];
        const rows = await database.query<TextChunkRow>(selectTextChunks, values);
        for (const { first_byte: firstByte, content } of rows) {
          const text = Buffer.from(textOf(await decodeLines(content)));
          yield text.subarray(Math.max(0, start - firstByte), Math.max(0, end - firstByte));
        }
        if (rows.length < textChunksPerRead) return;
        afterChunk = rows.at(-1)?.chunk_sequence ?? afterChunk;
      }
    },
  };
}

async function linesOf(row: ChunkRow, afterLine: number): Promise<readonly LogLineRow[]> {
  const entries = await decodeLines(row.content);
  return entries
    .map((entry, place) => ({ ...entry, number: row.first_line + place }))
    .filter((line) => line.number > afterLine);
}

function textOf(entries: readonly LogEntryRow[]): string {
  return entries.map(({ text }) => `${text}\n`).join("");
}

async function toColumns(chunks: readonly NewLogChunk[]): Promise<readonly unknown[]> {
  const contents = await Promise.all(chunks.map((chunk) => encodeLines(chunk.entries)));
  return [
    chunks.map((chunk) => chunk.runKey),
    chunks.map((chunk) => chunk.ordinal),
    chunks.map((chunk) => chunk.generation),
    chunks.map((chunk) => chunk.tryNumber),
    chunks.map((chunk) => chunk.sequence),
    chunks.map((chunk) => chunk.entries.length),
    chunks.map((chunk) => chunk.droppedBytes),
    contents,
    chunks.map((chunk) => textBytes(chunk.entries)),
  ];
}

function keyOf(attempt: AttemptAddress): readonly number[] {
  return [attempt.runKey, attempt.ordinal, attempt.generation, attempt.tryNumber];
}

function addressOf(attempt: AttemptAddress): string {
  return keyOf(attempt).join("/");
}
