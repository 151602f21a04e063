import type { AttemptClosed, Decision } from "#core/decision.ts";
import type { RunAggregate } from "#core/run-model.ts";
import { toEventRow } from "./event-row.ts";
import {
  changedInstanceAssignments,
  changedInstanceRecord,
  newInstanceColumns,
  newInstanceRecord,
  newInstanceValues,
  toChangedRow,
  toNewRow,
} from "./instance-row.ts";
import { changedRunAssignments, changedRunRecord, toChangedRun } from "./run-row.ts";

/** What a decision needs beside itself to be written. */
export interface DecidedRun {
  readonly before: RunAggregate;
  readonly decision: Decision;
}

export interface ChangeStatement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly string[];
}

/** One kind of rows of the write; kinds that have none are left out of the statement. */
interface Part {
  readonly key: string;
  /** `$n` stands for the part's JSON. */
  readonly sql: string;
  readonly rows: (run: DecidedRun) => readonly Record<string, unknown>[];
}

const attemptKey =
  "a.run_key = r.run_key AND a.ordinal = r.ordinal AND a.generation = r.generation AND a.try_number = r.try_number";

/**
 * All writes of a batch as one statement: one round trip, one implicit transaction. `locked` takes the runs whose
 * sequence is still the expected one, skipping those that another process holds (no waiting, hence no deadlock); every
 * part joins it, so that a stale run is left alone whole. Measured for a one-task hop on two cores: 0.9 ms with the
 * commit, against 1.8 ms for a transaction of five statements.
 */
const parts: readonly Part[] = [
  {
    key: "new",
    sql: `new_instance AS (INSERT INTO task_instances (run_key, ordinal, ${newInstanceColumns}, dag_priority, changed_sequence)
      SELECT i.run_key, i.ordinal, ${newInstanceValues}, i.dag_priority, i.changed_sequence
      FROM json_to_recordset($n) AS i(run_key bigint, ordinal integer, dag_priority integer, changed_sequence bigint, ${newInstanceRecord})
      JOIN locked USING (run_key))`,
    rows: ({ before, decision }) =>
      decision.instances
        .filter((change) => change.guard === null)
        .map((change) => ({
          ...toNewRow(change.next, before.plan),
          dag_priority: before.plan.priority,
          changed_sequence: decision.run.sequence,
        })),
  },
  {
    key: "opened",
    sql: `opened AS (INSERT INTO attempts (run_key, ordinal, generation, try_number, state, fence, worker_key, started_at)
      SELECT r.run_key, r.ordinal, r.generation, r.try_number, 'running', r.fence, r.worker_key, from_ms(r.started_at)
      FROM json_to_recordset($n) AS r(run_key bigint, ordinal integer, generation integer, try_number integer, fence bigint, worker_key bigint, started_at double precision)
      JOIN locked USING (run_key))`,
    rows: ({ decision }) =>
      decision.attempts.flatMap((change) =>
        change.kind === "opened"
          ? [
              {
                ordinal: change.ordinal,
                generation: change.generation,
                try_number: change.tryNumber,
                fence: change.fence,
                worker_key: change.workerKey,
                started_at: change.startedAt,
              },
            ]
          : [],
      ),
  },
  {
    key: "closed",
    sql: `closed AS (UPDATE attempts a SET state = r.state, ended_at = from_ms(r.ended_at), released_at = COALESCE(from_ms(r.released_at), a.released_at),
        exit_code = r.exit_code, signal = r.signal, error_code = r.error_code, error_message = r.error_message, retry_reason = r.retry_reason,
        next_retry_at = from_ms(r.next_retry_at), backoff_delay_ms = r.backoff_delay_ms
      FROM (SELECT i.* FROM json_to_recordset($n) AS i(run_key bigint, ordinal integer, generation integer, try_number integer, state text,
        ended_at double precision, released_at double precision, exit_code integer, signal text, error_code text, error_message text, retry_reason text,
        next_retry_at double precision, backoff_delay_ms bigint) JOIN locked USING (run_key)) r
      WHERE ${attemptKey} AND a.state = 'running')`,
    rows: closedRows,
  },
  {
    key: "released",
    sql: `released AS (UPDATE attempts a SET released_at = from_ms(r.released_at)
      FROM (SELECT i.* FROM json_to_recordset($n) AS i(run_key bigint, ordinal integer, fence bigint, released_at double precision) JOIN locked USING (run_key)) r
      WHERE a.run_key = r.run_key AND a.ordinal = r.ordinal AND a.fence = r.fence AND a.released_at IS NULL)`,
    rows: ({ decision }) => {
      const closedFences = releasedWithEnd(decision);
      return decision.attempts.flatMap((change) =>
        change.kind === "released" && !closedFences.has(change.ordinal)
          ? [{ ordinal: change.ordinal, fence: change.fence, released_at: change.releasedAt }]
          : [],
      );
    },
  },
  {
    key: "cleared",
    sql: `cleared AS (DELETE FROM outputs o USING (SELECT i.* FROM json_to_recordset($n) AS i(run_key bigint, ordinal integer) JOIN locked USING (run_key)) r
      WHERE o.run_key = r.run_key AND o.ordinal = r.ordinal)`,
    rows: ({ decision }) =>
      decision.outputs.flatMap((change) => (change.kind === "cleared" ? [{ ordinal: change.ordinal }] : [])),
  },
  {
    key: "outputs",
    sql: `written AS (INSERT INTO outputs (run_key, ordinal, key, generation, value_json, created_at)
      SELECT r.run_key, r.ordinal, r.key, r.generation, r.json, from_ms(r.at)
      FROM json_to_recordset($n) AS r(run_key bigint, ordinal integer, key text, generation integer, json text, at double precision) JOIN locked USING (run_key)
      ON CONFLICT (run_key, ordinal, key) DO UPDATE SET generation = EXCLUDED.generation, value_json = EXCLUDED.value_json, created_at = EXCLUDED.created_at)`,
    rows: ({ decision }) =>
      decision.outputs.flatMap((change) =>
        change.kind === "written"
          ? [
              {
                ordinal: change.ordinal,
                key: change.key,
                generation: change.generation,
                json: change.json,
                at: change.at,
              },
            ]
          : [],
      ),
  },
  {
    key: "events",
    sql: `event AS (INSERT INTO outbox (event_type, resource_type, resource_id, dag_id, run_id, run_key, run_sequence, data)
      SELECT e.event_type, e.resource_type, e.resource_id, e.dag_id, e.run_id, e.run_key, e.run_sequence, e.data
      FROM json_to_recordset($n) AS e(run_key bigint, event_type text, resource_type text, resource_id text, dag_id text, run_id text, run_sequence bigint, data jsonb)
      JOIN locked USING (run_key) ORDER BY e.run_key, e.run_sequence)`,
    rows: ({ before, decision }) => decision.events.map((event) => toEventRow(event, decision, before)),
  },
];

/** The statement that writes these decisions; its one row has `locked`, the keys of the runs that it wrote. */
export function buildChangeStatement(runs: readonly DecidedRun[]): ChangeStatement {
  const changedRuns = runs.map(({ decision }) => toChangedRun(decision.run, decision.expectedSequence));
  const changedInstances = collectRows(runs, changedRows);
  const values = [JSON.stringify(changedRuns), JSON.stringify(changedInstances)];
  const ctes = [lockedCte, runCte, instanceCte];
  let name = "change_runs";
  for (const part of parts) {
    const rows = collectRows(runs, part.rows);
    if (rows.length === 0) continue;
    values.push(JSON.stringify(rows));
    ctes.push(part.sql.replace("$n", `$${values.length}::json`));
    name += `_${part.key}`;
  }
  const text = `WITH ${ctes.join(",\n")}
SELECT ARRAY(SELECT run_key FROM locked) AS locked, refuse_partial_write(
  (SELECT count(*) FROM json_to_recordset($2::json) AS i(run_key bigint) JOIN locked USING (run_key)), (SELECT count(*) FROM instance_write))`;
  return { name, text, values };
}

const lockedCte = `change AS (SELECT * FROM json_to_recordset($1::json) AS c(${changedRunRecord})),
locked AS (SELECT r.run_key FROM dag_runs r JOIN change c ON c.run_key = r.run_key AND c.expected = r.sequence ORDER BY r.run_key FOR UPDATE OF r SKIP LOCKED)`;

const runCte = `run_write AS (UPDATE dag_runs r SET ${changedRunAssignments} FROM change c JOIN locked USING (run_key)
  WHERE r.run_key = c.run_key AND r.sequence = c.expected)`;

const instanceCte = `instance_write AS (UPDATE task_instances t SET ${changedInstanceAssignments}, changed_sequence = i.changed_sequence
  FROM (SELECT i.* FROM json_to_recordset($2::json) AS i(run_key bigint, ordinal integer, guard_state text, guard_fence bigint, changed_sequence bigint, ${changedInstanceRecord})
    JOIN locked USING (run_key)) i
  WHERE t.run_key = i.run_key AND t.ordinal = i.ordinal AND t.state = i.guard_state AND t.fence = i.guard_fence RETURNING 1)`;

function changedRows({ before, decision }: DecidedRun): readonly Record<string, unknown>[] {
  return decision.instances
    .filter((change) => change.guard !== null)
    .map((change) => ({ ...toChangedRow(change, before.plan), changed_sequence: decision.run.sequence }));
}

function collectRows(runs: readonly DecidedRun[], rowsOf: Part["rows"]): Record<string, unknown>[] {
  return runs.flatMap((run) => rowsOf(run).map((row) => ({ run_key: run.decision.run.runKey, ...row })));
}

/** An attempt that ends and is released in one decision is one row: a statement may update a row once. */
function closedRows({ decision }: DecidedRun): readonly Record<string, unknown>[] {
  const released = releasedWithEnd(decision);
  return decision.attempts.flatMap((change) =>
    change.kind === "closed" ? [{ ...toClosedRow(change), released_at: released.get(change.ordinal) }] : [],
  );
}

function releasedWithEnd(decision: Decision): ReadonlyMap<number, number> {
  const closed = new Set(
    decision.attempts.filter((change) => change.kind === "closed").map((change) => change.ordinal),
  );
  return new Map(
    decision.attempts.flatMap((change) =>
      change.kind === "released" && closed.has(change.ordinal) ? [[change.ordinal, change.releasedAt] as const] : [],
    ),
  );
}

function toClosedRow(change: AttemptClosed): Record<string, unknown> {
  return {
    ordinal: change.ordinal,
    generation: change.generation,
    try_number: change.tryNumber,
    state: change.state,
    ended_at: change.endedAt,
    exit_code: change.exitCode,
    signal: change.signal,
    error_code: change.errorCode,
    error_message: change.errorMessage,
    retry_reason: change.retryReason,
    next_retry_at: change.nextRetryAt,
    backoff_delay_ms: change.backoffDelayMs,
  };
}
