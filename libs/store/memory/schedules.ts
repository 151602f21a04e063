import type { DefinitionStore } from "#ports/definition-store.ts";
import type { MemoryState } from "./memory-state.ts";
import type { StoredDag, StoredVersion } from "./stored-definition.ts";

type Schedules = Pick<DefinitionStore, "listDueSchedules" | "advanceSchedule" | "nextScheduleInMs">;

interface ScheduledDag {
  readonly dag: StoredDag;
  readonly version: StoredVersion;
  readonly schedule: { readonly nextAt: number; readonly registeredAt: number };
}

export function createMemorySchedules(state: MemoryState): Schedules {
  return {
    async listDueSchedules(limit) {
      return scheduledDags(state)
        .filter((found) => found.schedule.nextAt <= state.now())
        .toSorted((a, b) => a.schedule.nextAt - b.schedule.nextAt || a.dag.dagKey - b.dag.dagKey)
        .slice(0, limit)
        .map(({ dag, version, schedule }) => ({
          dagKey: dag.dagKey,
          dagId: dag.dagId,
          versionKey: version.versionKey,
          definition: version.content.definition,
          dueAt: schedule.nextAt,
          registeredAt: schedule.registeredAt,
        }));
    },
    async advanceSchedule({ dagKey, from, to, epoch }) {
      const dag = state.dagsByKey.get(dagKey);
      if (!dag?.schedule || dag.schedule.nextAt !== from || !state.leads("scheduler", epoch)) return false;
      dag.schedule = { ...dag.schedule, nextAt: to };
      return true;
    },
    async nextScheduleInMs() {
      const times = scheduledDags(state).map((found) => found.schedule.nextAt);
      return times.length === 0 ? null : Math.max(0, Math.min(...times) - state.now());
    },
  };
}

export function activeVersion(state: MemoryState, dag: StoredDag | undefined): StoredVersion | undefined {
  return dag === undefined || dag.activeVersionKey === null ? undefined : state.versions.get(dag.activeVersionKey);
}

/** In force, not paused, and with a time to come. */
function scheduledDags(state: MemoryState): readonly ScheduledDag[] {
  return [...state.dags.values()].flatMap((dag) => {
    const version = activeVersion(state, dag);
    const { schedule } = dag;
    if (!dag.isActive || dag.isPaused || version === undefined || schedule === null || schedule.nextAt === null)
      return [];
    return [{ dag, version, schedule: { nextAt: schedule.nextAt, registeredAt: schedule.registeredAt } }];
  });
}
