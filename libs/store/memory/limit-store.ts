import { poolLimit } from "#core/limit-names.ts";
import { ofRun } from "#core/limits.ts";
import type { LimitHolder, LimitStore, PoolView } from "#ports/limit-store.ts";
import type { MemoryState } from "./memory-state.ts";

export function createMemoryLimits(state: MemoryState): LimitStore {
  return {
    async setPool(pool) {
      state.pools.set(pool.name, pool);
      state.wake.notify("queued");
    },
    async deletePool(name) {
      return state.pools.delete(name);
    },
    async listPools() {
      return [...state.pools.values()]
        .toSorted((a, b) => (a.name < b.name ? -1 : 1))
        .map((pool): PoolView => {
          const limit = poolLimit(pool.name);
          const used = [...state.slots.all()].filter((slot) => slot.limit === limit).length;
          return { ...pool, used, waiting: countWaiting(state, pool.name) };
        });
    },
    async listHolders(limit, most) {
      return listHolders(state, limit).slice(0, most);
    },
    async describeLimits(needs, most) {
      return needs.map(({ limit, size }) => {
        const holders = listHolders(state, limit);
        return { limit, size: size ?? sizeOfPool(state, limit), used: holders.length, holders: holders.slice(0, most) };
      });
    },
  };
}

function sizeOfPool(state: MemoryState, limit: string): number | null {
  return [...state.pools.values()].find(({ name }) => poolLimit(name) === limit)?.size ?? null;
}

function listHolders(state: MemoryState, limit: string): readonly LimitHolder[] {
  const slots = [...state.slots.all()].filter((slot) => slot.limit === limit);
  return slots
    .toSorted((a, b) => a.holder.takenAt - b.holder.takenAt || a.number - b.number)
    .flatMap(({ holder: { runKey, ordinal, takenAt } }) => {
      const run = state.runs.get(runKey);
      if (run === undefined) return [];
      const instance = run.instances[ordinal];
      const taskId = ordinal === ofRun ? null : (run.plan.tasks[instance?.task ?? -1]?.id ?? null);
      return [{ runKey, runId: run.row.runId, taskId, mapIndex: instance?.mapIndex ?? null, takenAt }];
    });
}

function countWaiting(state: MemoryState, pool: string): number {
  return [...state.indexes.ready].filter(({ runKey, ordinal }) => {
    const run = state.runs.get(runKey);
    return run?.plan.tasks[run.instances[ordinal]?.task ?? -1]?.pool === pool;
  }).length;
}
