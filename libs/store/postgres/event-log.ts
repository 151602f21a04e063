import type { EventLog, PublishedEvent } from "#ports/event-log.ts";
import type { Wake } from "#ports/wake.ts";
import type { Database } from "./database.ts";

/**
 * Keys are drawn under the run's lock, so their order is the order of each run. What is committed later, with a lower
 * key, gets a later id: ids follow the publishing. One statement is one commit and one answer to wait for, but it reads what
 * was there when it began: if another round of this epoch has numbered events since, the locked counter is not the one that
 * was read (`is_stale`), and nothing is numbered. Where nothing waits nothing is locked. Rows are found again where they
 * are: by key, a plan of when the table was empty reads all of them for each. Nobody else changes a row before it has its id.
 */
const numberEvents = {
  name: "number_events",
  text: `WITH lease AS MATERIALIZED (
      SELECT counter FROM leases WHERE name = 'relay' AND epoch = $1 AND expires_at > now()
        AND EXISTS (SELECT 1 FROM outbox WHERE event_id IS NULL) FOR UPDATE
    ), present AS MATERIALIZED (
      SELECT l.counter FROM lease l JOIN leases s ON s.name = 'relay' AND s.counter = l.counter
    ), picked AS MATERIALIZED (
      SELECT f.*, row_number() OVER (ORDER BY f.outbox_key) AS place
      FROM present, LATERAL (SELECT tableoid AS partition, ctid AS tid, outbox_key, created_at FROM outbox WHERE event_id IS NULL ORDER BY outbox_key LIMIT $2) f
    ), raised AS (
      UPDATE leases l SET counter = l.counter + p.count FROM (SELECT count(*) AS count FROM picked) p
      WHERE l.name = 'relay' AND l.epoch = $1 AND p.count > 0 RETURNING l.counter - p.count AS base
    ), numbered AS (
      UPDATE outbox o SET event_id = r.base + p.place FROM picked p, raised r
      WHERE o.ctid = p.tid AND o.tableoid = p.partition AND o.created_at = p.created_at AND COALESCE(o.event_id, 0) = 0 RETURNING 1
    ) SELECT EXISTS (SELECT 1 FROM leases WHERE name = 'relay' AND epoch = $1 AND expires_at > now()) AS leads,
      EXISTS (SELECT 1 FROM lease) AND NOT EXISTS (SELECT 1 FROM present) AS is_stale, (SELECT count(*) FROM numbered) AS count`,
};

const columns = "event_id, event_type, resource_type, resource_id, dag_id, run_id, created_at, data, correlation_id";
const filtered = `event_id > $1 AND ($3::text IS NULL OR dag_id = $3) AND ($4::text IS NULL OR resource_type = $4)
  AND ($5::text IS NULL OR event_type = $5)`;

const readAll = {
  name: "read_events",
  text: `SELECT ${columns} FROM outbox WHERE ${filtered} ORDER BY event_id LIMIT $2`,
};

const readOfRun = {
  name: "read_run_events",
  text: `SELECT ${columns} FROM outbox WHERE run_key = (SELECT run_key FROM dag_runs WHERE run_id = $6) AND ${filtered} ORDER BY event_id LIMIT $2`,
};

const lastId = { name: "last_event_id", text: "SELECT counter FROM leases WHERE name = 'relay'" };

interface Numbered {
  readonly leads: boolean;
  readonly is_stale: boolean;
  readonly count: number;
}

interface EventRow {
  readonly event_id: number;
  readonly event_type: string;
  readonly resource_type: string;
  readonly resource_id: string;
  readonly dag_id: string | null;
  readonly run_id: string | null;
  readonly created_at: number;
  readonly data: Readonly<Record<string, unknown>>;
  readonly correlation_id: string | null;
}

/** The outbox in PostgreSQL; ids come from a counter on the relay's lease row. */
export function createEventLog(options: { database: Database; wake: Wake }): EventLog {
  const { database, wake } = options;
  return {
    async publish(epoch, limit) {
      for (;;) {
        const [found] = await database.query<Numbered>(numberEvents, [epoch, limit]);
        if (found === undefined || !found.leads) return null;
        if (found.is_stale) continue;
        if (found.count > 0) wake.notify("events");
        return found.count;
      }
    },
    async readAfter({ afterId, limit, filter }) {
      const { dagId = null, resourceType = null, eventType = null, dagRunId } = filter;
      const values = [afterId, limit, dagId, resourceType, eventType];
      const rows =
        dagRunId === undefined
          ? await database.query<EventRow>(readAll, values)
          : await database.query<EventRow>(readOfRun, [...values, dagRunId]);
      return rows.map(fromRow);
    },
    async lastId() {
      const [row] = await database.query<{ counter: number }>(lastId, []);
      return row?.counter ?? 0;
    },
  };
}

function fromRow(row: EventRow): PublishedEvent {
  return {
    id: row.event_id,
    eventType: row.event_type,
    resourceType: row.resource_type,
    resourceId: row.resource_id,
    dagId: row.dag_id,
    dagRunId: row.run_id,
    at: row.created_at,
    data: row.data,
    correlationId: row.correlation_id,
  };
}
