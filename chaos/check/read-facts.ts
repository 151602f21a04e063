import type { Client } from "pg";
import type { AttemptFacts, EventFacts, InstanceFacts, RunFacts } from "./facts.ts";
import { openClient } from "./open-client.ts";

/** Rows that belong to a run, by its key. */
type Keyed<T> = T & { readonly runKey: string };

const milliseconds = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8`;

const runsText = `SELECT run_key::text AS "runKey", run_id AS "runId", dag_id AS "dagId", state, ended_at IS NOT NULL AS "hasEnded",
    ${milliseconds("logical_at")} AS "logicalAt", ${milliseconds("queued_at")} AS "queuedAt", held_count AS "heldCount", event_sequence::int AS "eventSequence", counts
  FROM dag_runs WHERE dag_id = ANY($1) AND NOT is_archived ORDER BY run_key`;

const instancesText = `SELECT run_key::text AS "runKey", task_id AS "taskId", ordinal, state, generation, try_number AS "tryNumber",
    fence::int AS fence, held AS "isHeld", in_degree AS "inDegree", parents_success AS "parentsSuccess",
    parents_failed AS "parentsFailed", parents_upstream_failed AS "parentsUpstreamFailed", parents_skipped AS "parentsSkipped"
  FROM task_instances WHERE run_key = ANY($1::bigint[]) ORDER BY run_key, ordinal`;

const attemptsText = `SELECT a.run_key::text AS "runKey", i.task_id AS "taskId", a.generation, a.try_number AS "tryNumber",
    a.fence::int AS fence, a.state, a.error_code AS "errorCode", ${milliseconds("a.started_at")} AS "startedAt",
    ${milliseconds("a.ended_at")} AS "endedAt", ${milliseconds("a.released_at")} AS "releasedAt"
  FROM attempts a JOIN task_instances i USING (run_key, ordinal)
  WHERE a.run_key = ANY($1::bigint[]) ORDER BY a.run_key, a.ordinal, a.generation, a.try_number`;

const eventsText = `SELECT run_key::text AS "runKey", run_sequence::int AS sequence, event_id::int AS "eventId", event_type AS type,
    data ->> 'task_id' AS "taskId"
  FROM outbox WHERE run_key = ANY($1::bigint[]) ORDER BY run_key, run_sequence`;

const eventIdsText = "SELECT event_id::int AS id FROM outbox WHERE event_id IS NOT NULL ORDER BY event_id";
/** Of runs: a worker may tell of itself at any moment. */
const unpublishedText = "SELECT count(*)::int AS count FROM outbox WHERE event_id IS NULL AND run_key IS NOT NULL";

export interface DatabaseFacts {
  readonly runs: readonly RunFacts[];
  readonly eventIds: readonly number[];
  readonly unpublishedEvents: number;
  readonly takenSlots: number;
  /** Deadlocks that the server has broken since its start. */
  readonly deadlocks: number;
}

/** Reads the runs of these DAGs by statements of its own: the program's store is part of what is judged. */
export async function readFacts(connectionString: string, dagIds: readonly string[]): Promise<DatabaseFacts> {
  const client = await openClient(connectionString);
  try {
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const runs = (await client.query<Keyed<RunFacts>>(runsText, [dagIds])).rows;
    const keys = runs.map(({ runKey }) => runKey);
    const read = async <T>(text: string): Promise<ReadonlyMap<string, readonly Keyed<T>[]>> =>
      Map.groupBy((await client.query<Keyed<T> & Record<string, unknown>>(text, [keys])).rows, ({ runKey }) => runKey);
    const instances = await read<InstanceFacts>(instancesText);
    const attempts = await read<AttemptFacts>(attemptsText);
    const events = await read<EventFacts>(eventsText);
    const eventIds = (await client.query<{ id: number }>(eventIdsText)).rows.map(({ id }) => id);
    const unpublishedEvents = (await client.query<{ count: number }>(unpublishedText)).rows[0]?.count ?? 0;
    return {
      runs: runs.map((run) => ({
        ...run,
        instances: instances.get(run.runKey) ?? [],
        attempts: attempts.get(run.runKey) ?? [],
        events: events.get(run.runKey) ?? [],
      })),
      eventIds,
      unpublishedEvents,
      takenSlots: await countTakenSlots(client),
      deadlocks: await countDeadlocks(client),
    };
  } finally {
    await client.end();
  }
}

/** Deployments without limits have no such table. */
async function countTakenSlots(client: Client): Promise<number> {
  const found = await client.query<{ exists: boolean }>("SELECT to_regclass('slot_rows') IS NOT NULL AS exists");
  if (found.rows[0]?.exists !== true) return 0;
  const taken = await client.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM slot_rows WHERE run_key IS NOT NULL",
  );
  return taken.rows[0]?.count ?? 0;
}

async function countDeadlocks(client: Client): Promise<number> {
  const text = "SELECT deadlocks::int AS count FROM pg_stat_database WHERE datname = current_database()";
  return (await client.query<{ count: number }>(text)).rows[0]?.count ?? 0;
}
