import type { RunState } from "#core/states.ts";
import type { SlotRun } from "#ports/backfill-slot.ts";
import type { BackfillProgress, BackfillRow, BackfillView } from "#ports/backfill-store.ts";
import type { RunType } from "#ports/new-run.ts";

/** A row of `backfills`, as the statements read it. */
export interface BackfillRecord {
  readonly backfill_key: number;
  readonly backfill_id: string;
  readonly dag_key: number;
  readonly dag_id: string;
  readonly version_key: number;
  readonly from_at: number;
  readonly to_at: number;
  readonly selection: BackfillRow["selection"];
  readonly newest_first: boolean;
  readonly max_active_runs: number;
  readonly priority_offset: number;
  readonly parameters: BackfillRow["parameters"];
  readonly note: string;
  readonly created_by: string;
  readonly slot_count: number;
  readonly state: BackfillRow["state"];
  readonly is_paused: boolean;
  readonly cancel_runs: boolean;
  readonly planned_to: number;
  readonly created_at: number;
  readonly ended_at: number | null;
}

export type BackfillViewRecord = BackfillRecord & {
  readonly progress: Omit<BackfillProgress, "waiting"> & { readonly refusal: string | null };
};

export interface SlotRunRecord {
  readonly logical_at: number;
  readonly run_key: number;
  readonly run_id: string;
  readonly state: RunState;
  readonly ended_at: number | null;
  readonly run_type: RunType;
  readonly external_trigger_id: string;
}

export function fromBackfillRecord(record: BackfillRecord): BackfillRow {
  return {
    backfillKey: record.backfill_key,
    backfillId: record.backfill_id,
    dagKey: record.dag_key,
    dagId: record.dag_id,
    versionKey: record.version_key,
    fromAt: record.from_at,
    toAt: record.to_at,
    selection: record.selection,
    newestFirst: record.newest_first,
    maxActiveRuns: record.max_active_runs,
    priorityOffset: record.priority_offset,
    parameters: record.parameters,
    note: record.note,
    createdBy: record.created_by,
    slotCount: record.slot_count,
    state: record.state,
    isPaused: record.is_paused,
    cancelRuns: record.cancel_runs,
    plannedTo: record.planned_to,
    createdAt: record.created_at,
    endedAt: record.ended_at,
  };
}

/** What is not counted waits: slots that are still to be listed have no row. */
export function fromBackfillViewRecord(record: BackfillViewRecord): BackfillView {
  const { refusal, ...counts } = record.progress;
  const begun = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const progress = { ...counts, waiting: record.slot_count - begun };
  return { ...fromBackfillRecord(record), progress, refusal: refusal ?? "" };
}

export function fromSlotRunRecord(record: SlotRunRecord): SlotRun {
  return {
    runKey: record.run_key,
    runId: record.run_id,
    state: record.state,
    endedAt: record.ended_at,
    runType: record.run_type,
    externalTriggerId: record.external_trigger_id,
  };
}
