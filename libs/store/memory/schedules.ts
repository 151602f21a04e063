import type { ScheduleMove, ScheduleRow, ScheduleStore } from "#ports/schedule-store.ts";
import { toDroppedEvent } from "../dropped-event.ts";
import type { MemoryState } from "./memory-state.ts";
import type { StoredDag, StoredSchedule, StoredVersion } from "./stored-definition.ts";
import type { StoredRun } from "./stored-run.ts";

interface ScheduledDag {
  readonly dag: StoredDag;
  readonly version: StoredVersion;
  readonly schedule: StoredSchedule;
  readonly nextAt: number;
  readonly turnAt: number;
}

export function createMemorySchedules(state: MemoryState): ScheduleStore {
  return {
    async listDueSchedules(limit) {
      return scheduledDags(state)
        .filter(({ turnAt }) => turnAt <= state.now())
        .toSorted((a, b) => a.turnAt - b.turnAt || a.dag.dagKey - b.dag.dagKey)
        .slice(0, limit)
        .map(({ dag, version, schedule, nextAt, turnAt }) => ({
          dagKey: dag.dagKey,
          dagId: dag.dagId,
          versionKey: version.versionKey,
          dueAt: nextAt,
          turnAt: Math.max(turnAt, dag.resumedAt),
          backlogEnd: schedule.backlogEnd,
          registeredAt: schedule.registeredAt,
        }));
    },
    async moveSchedules(moves, epoch) {
      if (!state.leads("scheduler", epoch)) return new Set();
      return new Set(moves.filter((move) => applyMove(state, move)).map(({ dagKey }) => dagKey));
    },
    async nextScheduleInMs() {
      const times = scheduledDags(state).map(({ turnAt }) => turnAt);
      return times.length === 0 ? null : Math.max(0, Math.min(...times) - state.now());
    },
    async listActiveRuns(dagKey, limit) {
      return runsOf(state, dagKey)
        .filter((run) => run.row.endedAt === null && run.made.runType !== "backfill")
        .slice(0, limit)
        .map((run) => run.row.runKey);
    },
    async pauseAfterFailures({ dagKey, count, epoch }) {
      const dag = state.dagsByKey.get(dagKey);
      if (dag === undefined || dag.isPaused || !state.leads("scheduler", epoch)) return false;
      const { resumedAt } = dag;
      const latest = runsOf(state, dagKey)
        .filter(({ row, made }) => row.endedAt !== null && row.endedAt > resumedAt && made.runType === "scheduled")
        .slice(-count);
      if (latest.length < count || latest.some(({ row }) => row.state !== "failed")) return false;
      dag.isPaused = true;
      const data = { is_paused: true, failed_runs: count };
      state.emit([{ ...aboutDag(dag), eventType: "dag.paused", data }]);
      state.wake.notify("definitions");
      return true;
    },
  };
}

/** The schedule of a version that comes into force: one that stays the same keeps its place. */
export function nextSchedule(
  state: MemoryState,
  before: StoredSchedule | null,
  next: ScheduleRow | null,
): StoredSchedule | null {
  if (next === null) return null;
  const { text, timezone, rule } = next;
  if (before === null) {
    const fresh = { registeredAt: state.now(), lookAt: null, backlogEnd: null, dropped: null };
    return { text, timezone, rule, nextAt: next.firstAt, ...fresh };
  }
  const isSame = before.text === text && before.timezone === timezone && before.rule === rule;
  return isSame ? before : { ...before, text, timezone, rule, nextAt: next.nextAt, lookAt: null, backlogEnd: null };
}

export function activeVersion(state: MemoryState, dag: StoredDag | undefined): StoredVersion | undefined {
  return dag === undefined || dag.activeVersionKey === null ? undefined : state.versions.get(dag.activeVersionKey);
}

/** Whether the schedule was where the move begins. */
function applyMove(state: MemoryState, move: ScheduleMove): boolean {
  const dag = state.dagsByKey.get(move.dagKey);
  if (!dag?.schedule || dag.schedule.nextAt !== move.from) return false;
  const { dropped } = dag.schedule;
  const last = move.dropped.at(-1);
  const totalCount = move.dropped.reduce((total, { count }) => total + count, dropped?.totalCount ?? 0);
  dag.schedule = {
    ...dag.schedule,
    nextAt: move.to,
    lookAt: move.lookAt,
    backlogEnd: move.backlogEnd,
    dropped: last === undefined ? dropped : { ...last, at: state.now(), totalCount },
  };
  for (const slots of move.dropped) {
    state.emit([{ ...aboutDag(dag), eventType: "dag.slots_dropped", data: toDroppedEvent(slots) }]);
  }
  return true;
}

/** In force, not paused, and with a time to come. */
function scheduledDags(state: MemoryState): readonly ScheduledDag[] {
  return [...state.dags.values()].flatMap((dag) => {
    const version = activeVersion(state, dag);
    const { schedule } = dag;
    if (!dag.isActive || dag.isPaused || version === undefined || schedule === null || schedule.nextAt === null)
      return [];
    const { nextAt, lookAt } = schedule;
    return [{ dag, version, schedule, nextAt, turnAt: lookAt ?? nextAt }];
  });
}

/** In the order in which they were made, without replaced ones. */
function runsOf(state: MemoryState, dagKey: number): readonly StoredRun[] {
  return [...state.runs.values()].filter((run) => run.row.dagKey === dagKey && !run.row.isArchived);
}

function aboutDag({ dagId }: StoredDag): {
  readonly resourceType: "dag";
  readonly resourceId: string;
  readonly dagId: string;
  readonly dagRunId: null;
} {
  return { resourceType: "dag", resourceId: dagId, dagId, dagRunId: null };
}
