import type { ArtifactCatalog, ArtifactView } from "#ports/artifact-catalog.ts";
import type { MemoryState } from "./memory-state.ts";
import { pageOf } from "./page.ts";
import type { StoredArtifact } from "./stored-artifact.ts";

/** A file that was expected and is not listed by then is removed. */
const listedWithinMs = 24 * 60 * 60 * 1000;

const order = [
  { value: (artifact: StoredArtifact) => artifact.ordinal, descending: false },
  { value: (artifact: StoredArtifact) => artifact.generation, descending: true },
  { value: (artifact: StoredArtifact) => artifact.tryNumber, descending: true },
  { value: (artifact: StoredArtifact) => artifact.name, descending: false },
];

/** The index of artifacts in memory. */
export function createMemoryArtifacts(state: MemoryState): ArtifactCatalog {
  const { artifacts: runs, unlistedFiles } = state;
  return {
    async expect(location) {
      state.noteUnlisted(location, state.now() + listedWithinMs);
    },
    async add(artifact) {
      const { runKey, ordinal, generation, tryNumber, name } = artifact;
      const ofRun = runs.get(runKey) ?? new Map<string, StoredArtifact>();
      runs.set(runKey, ofRun);
      const place = `${ordinal}/${generation}/${tryNumber}/${name}`;
      const before = ofRun.get(place);
      const artifactKey = before?.artifactKey ?? state.nextKey();
      ofRun.set(place, { ...artifact, artifactKey, at: state.now() });
      if (before !== undefined) state.noteUnlisted(before.location, state.now());
      unlistedFiles.delete(artifact.location);
      return before?.location ?? null;
    },
    async list(page, { runId, taskId, mapIndex, name, attempts }) {
      const run = state.findRun(runId);
      const stored = run === undefined ? [] : [...(runs.get(run.row.runKey)?.values() ?? [])];
      const isPresent = (one: StoredArtifact): boolean => one.generation === run?.instances[one.ordinal]?.generation;
      const isNewest = (one: StoredArtifact): boolean =>
        !stored.some((other) => isSameLife(one, other) && other.tryNumber > one.tryNumber);
      const wanted = stored
        .filter((one) => attempts === "all" || isPresent(one))
        .filter((one) =>
          typeof attempts === "number" ? one.tryNumber === attempts : attempts === "all" || isNewest(one),
        )
        .filter((one) => name === null || one.name === name);
      const ofTask = wanted.filter((one) => {
        const view = viewOf(one);
        return (taskId === null || view.taskId === taskId) && (mapIndex === null || view.mapIndex === mapIndex);
      });
      const found = pageOf(ofTask, page, { order, sorts: {} });
      return { ...found, items: found.items.map(viewOf) };

      function viewOf({ runKey: _runKey, ordinal, ...artifact }: StoredArtifact): ArtifactView {
        const instance = run?.instances[ordinal];
        if (run === undefined || instance === undefined) throw new Error(`run ${runId} has no instance ${ordinal}`);
        const { mapIndex, itemKey } = instance;
        return { ...artifact, runId, taskId: run.plan.tasks[instance.task]?.id ?? "", mapIndex, itemKey };
      }
    },
  };
}

function isSameLife(one: StoredArtifact, other: StoredArtifact): boolean {
  return one.ordinal === other.ordinal && one.generation === other.generation;
}
