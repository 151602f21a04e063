import type {
  BackfillRow,
  BackfillStore,
  BackfillView,
  CreateBackfillResult,
  NewBackfill,
} from "#ports/backfill-store.ts";
import { createMemoryBackfillWork, runOfDate, toSlotRun } from "./backfill-slots.ts";
import type { MemoryState } from "./memory-state.ts";
import { pageOf } from "./page.ts";
import { runList, runView } from "./queries.ts";
import type { StoredBackfill } from "./stored-backfill.ts";

const backfillList = {
  order: [{ value: (view: BackfillView) => view.backfillKey, descending: true }],
  sorts: {
    created_at: (view: BackfillView) => view.createdAt,
    dag_id: (view: BackfillView) => view.dagId,
    state: (view: BackfillView) => view.state,
  },
};

/** Backfills in memory. */
export function createMemoryBackfills(state: MemoryState): BackfillStore {
  const change = (backfillId: string, changes: (row: BackfillRow) => Partial<BackfillRow>): boolean => {
    const found = find(state, backfillId);
    if (found === undefined || found.row.endedAt !== null) return false;
    found.row = { ...found.row, ...changes(found.row) };
    state.wake.notify("backfills");
    return true;
  };
  return {
    ...createMemoryBackfillWork(state),
    async create(backfill) {
      return create(state, backfill);
    },
    async get(backfillId) {
      const found = find(state, backfillId);
      return found === undefined ? null : toView(state, found);
    },
    async list(page, { dagId, states }) {
      const found = [...state.backfills.values()].filter(
        ({ row }) => (dagId === null || row.dagId === dagId) && (states.length === 0 || states.includes(row.state)),
      );
      return pageOf(
        found.map((backfill) => toView(state, backfill)),
        page,
        backfillList,
      );
    },
    async listRuns(page, backfillId) {
      const slots = [...(find(state, backfillId)?.slots.values() ?? [])];
      const runs = slots.flatMap(({ runKey }) => state.runs.get(runKey ?? -1) ?? []);
      return pageOf(
        runs.map((run) => runView(state, run)),
        page,
        runList,
      );
    },
    async findRuns(dagKey, dates) {
      return new Map(
        dates.flatMap((date) => {
          const run = runOfDate(state, dagKey, date);
          return run === undefined ? [] : [[date, toSlotRun(run)] as const];
        }),
      );
    },
    async setPaused(backfillId, isPaused) {
      return change(backfillId, () => ({ isPaused }));
    },
    async cancel(backfillId, { cancelRuns }) {
      return change(backfillId, (row) => ({ state: "cancelling", cancelRuns: row.cancelRuns || cancelRuns }));
    },
  };
}

function find(state: MemoryState, backfillId: string): StoredBackfill | undefined {
  return [...state.backfills.values()].find(({ row }) => row.backfillId === backfillId);
}

function create(state: MemoryState, { request, ...next }: NewBackfill): CreateBackfillResult {
  const earlier = [...state.backfills.values()].find(
    (known) => request !== null && known.row.createdBy === next.createdBy && known.request?.id === request.id,
  );
  if (earlier !== undefined) {
    if (earlier.request?.bodyHash !== request?.bodyHash) return { kind: "request_conflict" };
    return { kind: "repeated", backfillId: earlier.row.backfillId };
  }
  const dagId = state.dagsByKey.get(next.dagKey)?.dagId;
  if (dagId === undefined) throw new Error(`there is no DAG with key ${next.dagKey}`);
  const backfillKey = state.nextKey();
  const row: BackfillRow = {
    ...next,
    backfillKey,
    dagId,
    state: "planning",
    isPaused: false,
    cancelRuns: false,
    plannedTo: next.fromAt - 1,
    createdAt: state.now(),
    endedAt: null,
  };
  state.backfills.set(backfillKey, { row, request, slots: new Map() });
  state.wake.notify("backfills");
  return { kind: "created", backfillId: next.backfillId };
}

/** What is not counted waits: slots that are still to be listed have no row. */
function toView(state: MemoryState, { row, slots }: StoredBackfill): BackfillView {
  const counts = { active: 0, success: 0, failed: 0, cancelled: 0, left: 0, refused: 0 };
  let begun = 0;
  let refusal = "";
  for (const slot of slots.values()) {
    if (slot.state === "waiting") continue;
    begun += 1;
    const run = state.runs.get(slot.runKey ?? -1)?.row;
    if (slot.state === "left") counts.left += 1;
    else if (slot.state === "refused") counts.refused += 1;
    else if (run === undefined || run.endedAt === null) counts.active += 1;
    else if (run.state === "success" || run.state === "failed" || run.state === "cancelled") counts[run.state] += 1;
    if (slot.state === "refused" && slot.reason > refusal) refusal = slot.reason;
  }
  return { ...row, progress: { ...counts, waiting: row.slotCount - begun }, refusal };
}
