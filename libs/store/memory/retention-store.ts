import type { Aged, KeptKind, RetentionStore } from "#ports/retention-store.ts";
import type { MemoryState } from "./memory-state.ts";
import type { StoredRun } from "./stored-run.ts";

/** Removes from memory what runs left when its time is over. */
export function createMemoryRetention(state: MemoryState): RetentionStore {
  return {
    async listAged(aged, { afterKey, limit }) {
      const looked = [...state.runs.values()]
        .filter(({ row }) => row.runKey > afterKey && countRows(state, row.runKey, aged.kind) > 0)
        .toSorted((a, b) => a.row.runKey - b.row.runKey)
        .slice(0, limit);
      const isYoung = ({ row }: StoredRun): boolean => row.queuedAt > state.now() - aged.retentionMs;
      const isLast = looked.length < limit || looked.some(isYoung);
      return {
        runKeys: looked.filter((run) => mayLose(state, run, aged)).map(({ row }) => row.runKey),
        nextKey: isLast ? null : (looked.at(-1)?.row.runKey ?? null),
      };
    },
    async remove(aged, { runKeys, limit }) {
      let count = 0;
      for (const run of runKeys.flatMap((runKey) => state.runs.get(runKey) ?? [])) {
        if (!mayLose(state, run, aged)) continue;
        noteRemoval(state, run, aged);
        count += removers[aged.kind](state, run, limit - count);
      }
      return count;
    },
    async listRemovals(runKey) {
      return state.removals.get(runKey) ?? [];
    },
    async listUnlistedFiles(limit) {
      return [...state.unlistedFiles]
        .filter(([location]) => isDue(state, location))
        .toSorted(([a, one], [b, other]) => one.dueAt - other.dueAt || (a < b ? -1 : 1))
        .slice(0, limit)
        .map(([location, { failureCount }]) => ({ location, failureCount }));
    },
    async forgetFiles(locations) {
      for (const location of locations) if (isDue(state, location)) state.unlistedFiles.delete(location);
    },
    async postponeFiles(files) {
      for (const { location, reason, dueInMs } of files) {
        const found = state.unlistedFiles.get(location);
        if (found === undefined || !isDue(state, location)) continue;
        const failureCount = found.failureCount + 1;
        state.unlistedFiles.set(location, { dueAt: state.now() + dueInMs, failureCount, failure: reason });
      }
    },
    async findUnknownFiles(locations) {
      return locations.filter((location) => !isKnown(state, location));
    },
    async noteFiles(locations) {
      for (const location of locations) if (!isKnown(state, location)) state.noteUnlisted(location, state.now());
    },
  };
}

function isDue(state: MemoryState, location: string): boolean {
  return (state.unlistedFiles.get(location)?.dueAt ?? Number.POSITIVE_INFINITY) <= state.now();
}

function isKnown(state: MemoryState, location: string): boolean {
  if (state.unlistedFiles.has(location)) return true;
  const ofRun = state.artifacts.get(Number(location.split("/")[0]));
  return [...(ofRun?.values() ?? [])].some((artifact) => artifact.location === location);
}

function mayLose(state: MemoryState, { row }: StoredRun, { retentionMs }: Aged): boolean {
  if (row.endedAt === null || row.endedAt > state.now() - retentionMs) return false;
  return ![...state.waits.values()].some(({ wait, hasOpenChild }) => hasOpenChild && wait.childRunId === row.runId);
}

function countRows(state: MemoryState, runKey: number, kind: KeptKind): number {
  if (kind === "artifacts") return state.artifacts.get(runKey)?.size ?? 0;
  if (kind === "logs") return state.logs.get(runKey)?.size ?? 0;
  return [...(state.runs.get(runKey)?.outputs.values() ?? [])].reduce((sum, outputs) => sum + outputs.size, 0);
}

function noteRemoval(state: MemoryState, { row }: StoredRun, { kind, retentionMs }: Aged): void {
  const others = (state.removals.get(row.runKey) ?? []).filter((removal) => removal.kind !== kind);
  const removals = [...others, { kind, removedAt: state.now(), retentionMs }];
  state.removals.set(
    row.runKey,
    removals.toSorted((a, b) => (a.kind < b.kind ? -1 : 1)),
  );
}

type Remover = (state: MemoryState, run: StoredRun, limit: number) => number;

const removers: Readonly<Record<KeptKind, Remover>> = {
  outputs(_, run, limit) {
    run.row = { ...run.row, sequence: run.row.sequence + 1, revision: run.row.revision + 1 };
    let count = 0;
    for (const outputs of run.outputs.values()) count += take(outputs, limit - count).length;
    return count;
  },
  artifacts(state, { row }, limit) {
    const taken = take(state.artifacts.get(row.runKey) ?? new Map(), limit);
    const now = state.now();
    for (const { location } of taken) state.noteUnlisted(location, now);
    return taken.length;
  },
  logs(state, { row }, limit) {
    return take(state.logs.get(row.runKey) ?? new Map(), limit).length;
  },
};

/** Takes the first ones out. */
function take<T>(rows: Map<string, T>, limit: number): readonly T[] {
  const taken = [...rows].slice(0, limit);
  for (const [key] of taken) rows.delete(key);
  return taken.map(([, value]) => value);
}
