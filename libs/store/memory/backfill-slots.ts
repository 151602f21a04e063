import type { SlotMark, SlotRun, WaitingSlot } from "#ports/backfill-slot.ts";
import type { BackfillStore } from "#ports/backfill-store.ts";
import { dateKey, type MemoryState } from "./memory-state.ts";
import { changeRuns } from "./run-store.ts";
import type { StoredBackfill, StoredSlot } from "./stored-backfill.ts";
import type { StoredRun } from "./stored-run.ts";

type BackfillWork = Pick<
  BackfillStore,
  "listOpen" | "addSlots" | "settle" | "listWaiting" | "markSlots" | "rerunSlot" | "listActiveRuns" | "finish"
>;

/** What the leader reads and writes of backfills. */
export function createMemoryBackfillWork(state: MemoryState): BackfillWork {
  const leads = (epoch: number): boolean => state.leads("scheduler", epoch);
  return {
    async listOpen({ afterKey, limit }) {
      const open = [...state.backfills.values()].filter((backfill) => hasWork(state, backfill));
      return open.flatMap(({ row }) => (row.backfillKey > afterKey ? [row] : [])).slice(0, limit);
    },
    async addSlots({ backfillKey, plannedTo: before }, { dates, plannedTo, isLast }, epoch) {
      const backfill = state.backfills.get(backfillKey);
      const isThere = backfill?.row.state === "planning" && backfill.row.plannedTo === before;
      if (backfill === undefined || !isThere || !leads(epoch)) return false;
      backfill.row = { ...backfill.row, plannedTo, ...(isLast ? { state: "running" as const } : {}) };
      for (const logicalAt of dates) {
        backfill.slots.set(logicalAt, { logicalAt, state: "waiting", runKey: null, reason: "" });
      }
      return true;
    },
    async settle(backfillKey, epoch) {
      const backfill = state.backfills.get(backfillKey);
      if (backfill === undefined || !leads(epoch)) return null;
      return settle(state, backfill);
    },
    async listWaiting({ backfillKey, newestFirst }, limit) {
      const backfill = state.backfills.get(backfillKey);
      return backfill === undefined ? [] : listWaiting(state, backfill, { newestFirst, limit });
    },
    async markSlots(backfillKey, marks, epoch) {
      if (!leads(epoch)) return;
      for (const mark of marks) {
        const slot = state.backfills.get(backfillKey)?.slots.get(mark.logicalAt);
        if (slot?.state === "waiting") applyMark(slot, mark);
      }
    },
    async rerunSlot(slot, decide, epoch) {
      return leads(epoch) ? rerunSlot(state, slot, decide) : "unchanged";
    },
    async listActiveRuns(backfillKey, limit) {
      const slots = [...(state.backfills.get(backfillKey)?.slots.values() ?? [])];
      const active = slots.filter((slot) => {
        const run = state.runs.get(slot.runKey ?? -1)?.row;
        return slot.state === "active" && run?.endedAt === null && !run.cancelRequested;
      });
      return active.flatMap(({ runKey }) => runKey ?? []).slice(0, limit);
    },
    async finish(backfillKey, next, epoch) {
      const backfill = state.backfills.get(backfillKey);
      const before = next === "cancelled" ? "cancelling" : "running";
      if (backfill?.row.state !== before || !leads(epoch)) return;
      backfill.row = { ...backfill.row, state: next, endedAt: state.now() };
    },
  };
}

function listWaiting(
  state: MemoryState,
  { row, slots }: StoredBackfill,
  { newestFirst, limit }: { readonly newestFirst: boolean; readonly limit: number },
): readonly WaitingSlot[] {
  const waiting = [...slots.values()].filter((slot) => slot.state === "waiting");
  const sign = newestFirst ? -1 : 1;
  return waiting
    .toSorted((a, b) => sign * (a.logicalAt - b.logicalAt))
    .slice(0, limit)
    .map(({ logicalAt }) => {
      const run = runOfDate(state, row.dagKey, logicalAt);
      return { logicalAt, run: run === undefined ? null : toSlotRun(run) };
    });
}

/** The offset is in place before the instances are queued by it, and taken back when they are not. */
function rerunSlot(
  state: MemoryState,
  { backfillKey, logicalAt, runKey, priorityOffset }: Parameters<BackfillStore["rerunSlot"]>[0],
  decide: Parameters<BackfillStore["rerunSlot"]>[1],
): "rerun" | "unchanged" {
  const backfill = state.backfills.get(backfillKey);
  const slot = backfill?.slots.get(logicalAt);
  const run = state.runs.get(runKey);
  const isDue = backfill?.row.state === "running" && slot?.state === "waiting";
  if (slot === undefined || run === undefined || !isDue) return "unchanged";
  const before = { plan: run.plan, made: run.made };
  const offset = priorityOffset - (run.made.priorityOffset ?? 0);
  run.plan = { ...run.plan, priority: run.plan.priority + offset };
  run.made = { ...run.made, priorityOffset };
  const [changed] = changeRuns(state, [{ runKey, decide }]);
  if (changed?.kind !== "applied") {
    Object.assign(run, before);
    return "unchanged";
  }
  applyMark(slot, { logicalAt, state: "active", runKey });
  state.wake.notify("queued");
  return "rerun";
}

/** The run that has a date; replaced ones have none. */
export function runOfDate(state: MemoryState, dagKey: number, logicalAt: number): StoredRun | undefined {
  return state.runs.get(state.runKeysByDate.get(dateKey(dagKey, logicalAt)) ?? -1);
}

export function toSlotRun({ row, made }: StoredRun): SlotRun {
  const { runKey, runId, state, endedAt } = row;
  return { runKey, runId, state, endedAt, runType: made.runType, externalTriggerId: made.externalTriggerId };
}

function hasWork(state: MemoryState, { row }: StoredBackfill): boolean {
  const dag = state.dagsByKey.get(row.dagKey);
  if (row.endedAt !== null || dag === undefined) return false;
  return row.state === "cancelling" || (!row.isPaused && dag.isActive && !dag.isPaused);
}

function settle(state: MemoryState, { row, slots }: StoredBackfill): number {
  let active = 0;
  for (const slot of slots.values()) {
    if (slot.state === "waiting") {
      const run = runOfDate(state, row.dagKey, slot.logicalAt);
      const isOwn = run?.made.runType === "backfill" && run.made.externalTriggerId === row.backfillId;
      if (isOwn && run.row.endedAt === null) {
        applyMark(slot, { logicalAt: slot.logicalAt, state: "active", runKey: run.row.runKey });
      }
    }
    if (slot.state !== "active") continue;
    if (state.runs.get(slot.runKey ?? -1)?.row.endedAt === null) active += 1;
    else slot.state = "ended";
  }
  return active;
}

function applyMark(slot: StoredSlot, mark: SlotMark): void {
  slot.state = mark.state;
  if (mark.state === "active") slot.runKey = mark.runKey;
  else slot.reason = mark.reason;
}
