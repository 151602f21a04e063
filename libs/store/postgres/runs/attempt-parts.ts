import type { AttemptClosed } from "#core/attempt-change.ts";
import type { Decision } from "#core/decision.ts";
import { type ChangePart, isLocked } from "./change-part.ts";

const attemptKey =
  "a.run_key = r.run_key AND a.ordinal = r.ordinal AND a.generation = r.generation AND a.try_number = r.try_number";

const endRecord = `state text, ended_at double precision, released_at double precision, exit_code integer, signal text, error_code text,
  error_message text, retry_reason text, next_retry_at double precision, backoff_delay_ms bigint, cpu_ms bigint, memory_peak_bytes bigint`;

/** How the attempts of a decision are written. */
export const attemptParts: readonly ChangePart[] = [
  {
    key: "opened",
    sql: `opened AS (INSERT INTO attempts (run_key, ordinal, generation, try_number, fence, worker_key, started_at, state, ended_at, released_at,
        exit_code, signal, error_code, error_message, retry_reason, next_retry_at, backoff_delay_ms, cpu_ms, memory_peak_bytes)
      SELECT r.run_key, r.ordinal, r.generation, r.try_number, r.fence, r.worker_key, from_ms(r.started_at), COALESCE(r.state, 'running'),
        from_ms(r.ended_at), from_ms(r.released_at), r.exit_code, r.signal, r.error_code, r.error_message, r.retry_reason,
        from_ms(r.next_retry_at), r.backoff_delay_ms, r.cpu_ms, r.memory_peak_bytes
      FROM json_to_recordset($n) AS r(run_key bigint, ordinal integer, generation integer, try_number integer, fence bigint, worker_key bigint,
        started_at double precision, ${endRecord})
      WHERE ${isLocked("r")})`,
    rows: ({ decision }) => toAttemptRows(decision).opened,
  },
  {
    key: "closed",
    sql: `closed AS (UPDATE attempts a SET state = r.state, ended_at = from_ms(r.ended_at), released_at = COALESCE(from_ms(r.released_at), a.released_at),
        exit_code = r.exit_code, signal = r.signal, error_code = r.error_code, error_message = r.error_message, retry_reason = r.retry_reason,
        next_retry_at = from_ms(r.next_retry_at), backoff_delay_ms = r.backoff_delay_ms,
        cpu_ms = r.cpu_ms, memory_peak_bytes = r.memory_peak_bytes
      FROM json_to_recordset($n) AS r(run_key bigint, ordinal integer, generation integer, try_number integer, ${endRecord})
      WHERE ${isLocked("r")} AND ${attemptKey} AND a.state = 'running')`,
    rows: ({ decision }) => toAttemptRows(decision).closed,
  },
  {
    key: "released",
    sql: `released AS (UPDATE attempts a SET released_at = from_ms(r.released_at)
      FROM json_to_recordset($n) AS r(run_key bigint, ordinal integer, fence bigint, released_at double precision)
      WHERE ${isLocked("r")} AND a.run_key = r.run_key AND a.ordinal = r.ordinal AND a.fence = r.fence AND a.released_at IS NULL)`,
    rows: ({ decision }) => toAttemptRows(decision).released,
  },
];

interface AttemptRow extends Record<string, unknown> {
  readonly ordinal: number;
  readonly fence?: number;
}

interface AttemptRows {
  readonly opened: readonly AttemptRow[];
  readonly closed: readonly AttemptRow[];
  readonly released: readonly AttemptRow[];
}

/**
 * One row for each attempt that the decision touches, because a statement may write a row once and can't see its own
 * insert. An instance holds one attempt at a time: a release that is not of an attempt opened here is of the one that
 * was held before, as is an end.
 */
function toAttemptRows({ attempts }: Decision): AttemptRows {
  const opened: AttemptRow[] = [];
  const closed: AttemptRow[] = [];
  const released: AttemptRow[] = [];
  for (const change of attempts) {
    if (change.kind === "opened") {
      const { ordinal, generation, tryNumber, fence, workerKey, startedAt } = change;
      opened.push({ ordinal, generation, try_number: tryNumber, fence, worker_key: workerKey, started_at: startedAt });
    } else if (change.kind === "closed") {
      const own = opened.find(
        (row) =>
          row.ordinal === change.ordinal &&
          row["try_number"] === change.tryNumber &&
          row["generation"] === change.generation,
      );
      if (own === undefined) closed.push(toEnd(change));
      else Object.assign(own, toEnd(change));
    } else {
      const { ordinal, fence, releasedAt } = change;
      const own =
        opened.find((row) => row.ordinal === ordinal && row.fence === fence) ??
        closed.find((row) => row.ordinal === ordinal);
      if (own === undefined) released.push({ ordinal, fence, released_at: releasedAt });
      else Object.assign(own, { released_at: releasedAt });
    }
  }
  return { opened, closed, released };
}

function toEnd(change: AttemptClosed): AttemptRow {
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
    cpu_ms: change.usage?.cpuMs ?? null,
    memory_peak_bytes: change.usage?.memoryPeakBytes ?? null,
  };
}
