import { LRUCache } from "lru-cache";
import type { Queryable } from "../database.ts";
import { isLocked } from "./change-part.ts";

/** How the room that runs and attempts need travels: as records of this type. */
const needRecord = "run_key bigint, ordinal integer, limit_name text, size integer";

/** The free rows of a limit that may be used: those within its size, which for a pool is its own. */
function freeRows({ limit, size, count }: { limit: string; size: string; count: string }): string {
  return `SELECT s.limit_name, s.number FROM slot_rows s WHERE s.limit_name = ${limit} AND s.run_key IS NULL
      AND s.number <= COALESCE(${size}, (SELECT p.size FROM pools p WHERE 'pool/' || p.name = ${limit}), 0)
      ORDER BY s.number LIMIT ${count} FOR UPDATE SKIP LOCKED`;
}

/**
 * Parts of a guarded write whose runs need room. `candidate` has the runs that it locked; `locked`, which everything else
 * asks, those of them for which there is room for all that they need. `$n` stands for the needs as JSON.
 */
export const roomParts: readonly string[] = [
  `need AS MATERIALIZED (SELECT n.*, row_number() OVER (PARTITION BY n.limit_name ORDER BY n.run_key, n.ordinal) AS place
    FROM json_to_recordset($n) AS n(${needRecord}) WHERE ${isLocked("n", "candidate")})`,
  `slot AS MATERIALIZED (SELECT f.limit_name, f.number, row_number() OVER (PARTITION BY f.limit_name ORDER BY f.number) AS place
    FROM (SELECT limit_name, count(*) AS count, max(size) AS size FROM need GROUP BY limit_name) l
    CROSS JOIN LATERAL (${freeRows({ limit: "l.limit_name", size: "l.size", count: "l.count" })}) f)`,
  `granted AS MATERIALIZED (SELECT n.run_key, n.ordinal, n.limit_name, s.number FROM need n LEFT JOIN slot s USING (limit_name, place))`,
  `locked AS MATERIALIZED (SELECT run_key FROM candidate c WHERE c.run_key NOT IN (SELECT run_key FROM granted WHERE number IS NULL))`,
  `slot_taken AS (UPDATE slot_rows s SET run_key = g.run_key, ordinal = g.ordinal, taken_at = now() FROM granted g
    WHERE ${isLocked("g")} AND s.limit_name = g.limit_name AND s.number = g.number)`,
];

/** The same for a new run, of which `$6` has the needs: `room.is_there` when there is one for each. */
export const newRunRoomParts: readonly string[] = [
  "need AS MATERIALIZED (SELECT n.limit_name, n.size FROM json_to_recordset($6::json) AS n(limit_name text, size integer))",
  `slot AS MATERIALIZED (SELECT f.limit_name, f.number FROM need n CROSS JOIN LATERAL (${freeRows({ limit: "n.limit_name", size: "n.size", count: "1" })}) f)`,
  "room AS MATERIALIZED (SELECT (SELECT count(*) FROM slot) = (SELECT count(*) FROM need) AS is_there)",
];

const addRows = {
  name: "add_slot_rows",
  text: `INSERT INTO slot_rows (limit_name, number) SELECT n.limit_name, number
    FROM json_to_recordset($1::json) AS n(limit_name text, size integer) CROSS JOIN LATERAL generate_series(1, n.size) AS number
    ON CONFLICT DO NOTHING RETURNING 1`,
};

/** Limits whose rows this process has seen to; of keys there may be any number. */
const maxKnownLimits = 10_000;

interface SizedLimit {
  readonly limit: string;
  readonly size: number | null;
}

/** Makes the rows of limits that DAGs name, where they are missing, and remembers which it has seen to. */
export class SlotRowMaker {
  readonly #known = new LRUCache<string, true>({ max: maxKnownLimits });

  /** Answers whether any row was missing. */
  async addMissing(database: Queryable, limits: readonly SizedLimit[]): Promise<boolean> {
    const unknown = limits.filter((one) => one.size !== null && !this.#known.has(nameOf(one)));
    if (unknown.length === 0) return false;
    const wereMissing = await addSlotRows(database, unknown);
    for (const one of unknown) this.#known.set(nameOf(one), true);
    return wereMissing;
  }
}

function nameOf({ limit, size }: SizedLimit): string {
  return `${size}/${limit}`;
}

/** Makes the rows of limits, where they are missing; answers whether any were. */
export async function addSlotRows(database: Queryable, limits: readonly SizedLimit[]): Promise<boolean> {
  const rows = limits.map(({ limit, size }) => ({ limit_name: limit, size: size ?? 0 }));
  return (await database.query(addRows, [JSON.stringify(rows)])).length > 0;
}
