import type { DeadLetter, DeadLetterEntry, DeadLetterStore, ParkResult } from "#ports/dead-letter-store.ts";
import type { Database } from "./database.ts";
import { type ListQuery, readPage } from "./page-statement.ts";

interface EntryRow {
  readonly dead_letter_key: number;
  readonly topic: string;
  readonly partition_number: number;
  readonly message_offset: number;
  readonly reason: string;
  readonly size_bytes: number;
  readonly is_cut: boolean;
  readonly reported_by: string;
  readonly parked_at: number;
  readonly replayed_at: number | null;
  readonly further_count: number;
}

interface LetterRow extends EntryRow {
  readonly message_key: Buffer | null;
  readonly message_value: Buffer | null;
  readonly header_names: readonly string[];
  readonly header_values: readonly Buffer[];
}

const entryColumns =
  "dead_letter_key, topic, partition_number, message_offset, reason, size_bytes, is_cut, reported_by, parked_at, replayed_at, further_count";

/** Rows of a topic are counted and added by one at a time. Held until the commit. */
const lockTopic = {
  name: "lock_dead_letter_topic",
  text: "SELECT pg_advisory_xact_lock(hashtextextended('dead letters of ' || $1, 0))",
};

const parkLetter = {
  name: "park_dead_letter",
  text: `WITH known AS (
      SELECT FROM dead_letters WHERE topic = $1 AND partition_number = $2 AND message_offset = $3
    ), topic AS (
      SELECT count(*) AS size, max(dead_letter_key) AS newest FROM dead_letters WHERE topic = $1
    ), added AS (
      INSERT INTO dead_letters (topic, partition_number, message_offset, reason, message_key, message_value, header_names, header_values,
        size_bytes, is_cut, reported_by)
      SELECT $1, $2::integer, $3::bigint, $4, $5::bytea, $6::bytea, $7::text[], $8::bytea[], $9::bigint, $10::boolean, $11
        FROM topic WHERE size < $12::integer AND NOT EXISTS (SELECT FROM known) RETURNING 1
    ), counted AS (
      UPDATE dead_letters SET further_count = further_count + 1 FROM topic
        WHERE dead_letter_key = newest AND size >= $12::integer AND NOT EXISTS (SELECT FROM known)
    ) SELECT EXISTS (SELECT FROM known) AS is_known, EXISTS (SELECT FROM added) AS is_added`,
};

const findLetter = {
  name: "find_dead_letter",
  text: `SELECT ${entryColumns}, message_key, message_value, header_names, header_values FROM dead_letters WHERE dead_letter_key = $1`,
};

const markReplayed = {
  name: "mark_dead_letter_replayed",
  text: "UPDATE dead_letters SET replayed_at = now() WHERE dead_letter_key = $1 AND replayed_at IS NULL RETURNING dead_letter_key",
};

const dropLetter = {
  name: "drop_dead_letter",
  text: "DELETE FROM dead_letters WHERE dead_letter_key = $1 RETURNING dead_letter_key",
};

const countParked = {
  name: "count_dead_letters",
  text: `SELECT (count(*) FILTER (WHERE replayed_at IS NULL) + COALESCE(sum(further_count), 0))::bigint AS count FROM dead_letters`,
};

const letterList = {
  columns: entryColumns,
  from: "dead_letters",
  order: [{ sql: "dead_letter_key", type: "bigint", descending: true }],
  sorts: {},
  toItem: fromRow,
} satisfies Omit<ListQuery<EntryRow, DeadLetterEntry>, "conditions">;

/** Dead letters in PostgreSQL. */
export function createDeadLetterRepository(database: Database): DeadLetterStore {
  return {
    park(letter, maxPerTopic) {
      const { topic, partition, offset, reason, key, value, headers, size, isCut, reportedBy } = letter;
      const names = headers.map((header) => withoutNul(header.name));
      const values = headers.map((header) => toBuffer(header.value));
      const content = [key === null ? null : toBuffer(key), value === null ? null : toBuffer(value), names, values];
      const row = [topic, partition, offset, withoutNul(reason), ...content, size, isCut, reportedBy, maxPerTopic];
      return database.transaction(async (transaction): Promise<ParkResult> => {
        void transaction.query(lockTopic, [topic]);
        const answer = transaction.query<{ is_known: boolean; is_added: boolean }>(parkLetter, row);
        await transaction.commit();
        const [found] = await answer;
        if (found?.is_known === true) return "known";
        return found?.is_added === true ? "parked" : "counted";
      });
    },
    list(page, { topic }) {
      const conditions = topic === null ? [] : [{ sql: "topic = ?", value: topic }];
      return readPage(database, page, { ...letterList, conditions });
    },
    async find(deadLetterKey) {
      const [row] = await database.query<LetterRow>(findLetter, [deadLetterKey]);
      return row === undefined ? null : { ...fromRow(row), ...contentOf(row) };
    },
    async markReplayed(deadLetterKey) {
      return (await database.query(markReplayed, [deadLetterKey])).length > 0;
    },
    async drop(deadLetterKey) {
      return (await database.query(dropLetter, [deadLetterKey])).length > 0;
    },
    async countParked() {
      const [row] = await database.query<{ count: number }>(countParked, []);
      return row?.count ?? 0;
    },
  };
}

function fromRow(row: EntryRow): DeadLetterEntry {
  return {
    deadLetterKey: row.dead_letter_key,
    topic: row.topic,
    partition: row.partition_number,
    offset: row.message_offset,
    reason: row.reason,
    size: row.size_bytes,
    isCut: row.is_cut,
    reportedBy: row.reported_by,
    parkedAt: row.parked_at,
    replayedAt: row.replayed_at,
    furtherCount: row.further_count,
  };
}

function contentOf(row: LetterRow): Pick<DeadLetter, "key" | "value" | "headers"> {
  const headers = row.header_names.map((name, place) => ({ name, value: row.header_values[place] ?? Buffer.alloc(0) }));
  return { key: row.message_key, value: row.message_value, headers };
}

function toBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** Text columns take no NUL, and a foreign message may hold anything. */
function withoutNul(text: string): string {
  return text.replaceAll("\0", "␀");
}
