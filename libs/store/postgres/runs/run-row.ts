import type { Decision } from "#core/decision.ts";
import { needsOfRun } from "#core/limits.ts";
import type { RunRow, StateCounts } from "#core/run-model.ts";
import type { RunState } from "#core/states.ts";

/** The columns of `dag_runs` that the rules work on, as the driver reads them. */
export interface DagRunRow {
  readonly run_key: number;
  readonly run_id: string;
  readonly dag_key: number;
  readonly dag_id: string;
  readonly version_key: number;
  readonly revision: number;
  readonly removed_tasks: readonly string[];
  readonly state: RunState;
  readonly sequence: number;
  readonly event_sequence: number;
  readonly counts: StateCounts;
  readonly exempt_count: number;
  readonly held_count: number;
  readonly ever_started: boolean;
  readonly cancel_requested: boolean;
  readonly is_paused: boolean;
  readonly is_admitted: boolean;
  readonly concurrency_key: string | null;
  readonly is_archived: boolean;
  readonly logical_at: number;
  readonly queued_at: number;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly timeout_at: number | null;
  readonly deadline_at: number | null;
}

export const dagRunColumns =
  "run_key, run_id, dag_key, dag_id, version_key, revision, removed_tasks, state, sequence, event_sequence, counts, exempt_count, held_count, " +
  "ever_started, cancel_requested, is_paused, is_admitted, concurrency_key, is_archived, logical_at, queued_at, started_at, ended_at, timeout_at, deadline_at";

export function fromRunRow(row: DagRunRow): RunRow {
  return {
    runKey: row.run_key,
    runId: row.run_id,
    dagKey: row.dag_key,
    dagId: row.dag_id,
    versionKey: row.version_key,
    revision: row.revision,
    removedTasks: row.removed_tasks,
    state: row.state,
    sequence: row.sequence,
    eventSequence: row.event_sequence,
    counts: row.counts,
    exemptCount: row.exempt_count,
    heldCount: row.held_count,
    everStarted: row.ever_started,
    cancelRequested: row.cancel_requested,
    isPaused: row.is_paused,
    isAdmitted: row.is_admitted,
    concurrencyKey: row.concurrency_key,
    isArchived: row.is_archived,
    logicalAt: row.logical_at,
    queuedAt: row.queued_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    timeoutAt: row.timeout_at,
    deadlineAt: row.deadline_at,
  };
}

/** How the rows of a kind of write come in: the record type of `json_to_recordset`, and what is assigned of it. */
export interface RowShape {
  readonly record: string;
  readonly assignments: string;
}

const changedRecord =
  "run_key bigint, expected bigint, state text, sequence bigint, event_sequence bigint, counts jsonb, exempt_count integer, " +
  "held_count integer, ever_started boolean, cancel_requested boolean, is_paused boolean, is_admitted boolean, started_at double precision, " +
  "ended_at double precision, timeout_at double precision, deadline_at double precision";

const changedAssignments =
  "state = c.state, sequence = c.sequence, event_sequence = c.event_sequence, counts = c.counts, exempt_count = c.exempt_count, " +
  "held_count = c.held_count, ever_started = c.ever_started, cancel_requested = c.cancel_requested, is_paused = c.is_paused, is_admitted = c.is_admitted, " +
  "started_at = from_ms(c.started_at), ended_at = from_ms(c.ended_at), timeout_at = from_ms(c.timeout_at), deadline_at = from_ms(c.deadline_at)";

const movedRecord =
  "version_key bigint, revision integer, removed_tasks text[], priority integer, needs jsonb, max_active_tasks integer, parameters jsonb, warnings jsonb";

const movedAssignments =
  "version_key = c.version_key, revision = c.revision, removed_tasks = c.removed_tasks, priority = c.priority, " +
  "needs = c.needs, max_active_tasks = c.max_active_tasks, " +
  "parameters = COALESCE(c.parameters, r.parameters), warnings = COALESCE(c.warnings, r.warnings)";

/** What every change writes of its run. */
export const changedRun: RowShape = { record: changedRecord, assignments: changedAssignments };

/** What a rerun writes that changes version or parameters. */
export const movedRun: RowShape = {
  record: `${changedRecord}, ${movedRecord}`,
  assignments: `${changedAssignments}, ${movedAssignments}`,
};

export function toMovedRun({ run, plan, parameters }: Decision): Record<string, unknown> {
  return {
    version_key: run.versionKey,
    revision: run.revision,
    removed_tasks: run.removedTasks,
    priority: plan.priority,
    needs: needsOfRun(plan, run),
    max_active_tasks: plan.maxActiveTasks,
    ...(parameters === null ? {} : { parameters: parameters.values, warnings: parameters.warnings }),
  };
}

export function toChangedRun(run: RunRow, expectedSequence: number): Record<string, unknown> {
  return {
    run_key: run.runKey,
    expected: expectedSequence,
    state: run.state,
    sequence: run.sequence,
    event_sequence: run.eventSequence,
    counts: run.counts,
    exempt_count: run.exemptCount,
    held_count: run.heldCount,
    ever_started: run.everStarted,
    cancel_requested: run.cancelRequested,
    is_paused: run.isPaused,
    is_admitted: run.isAdmitted,
    started_at: run.startedAt,
    ended_at: run.endedAt,
    timeout_at: run.timeoutAt,
    deadline_at: run.deadlineAt,
  };
}
