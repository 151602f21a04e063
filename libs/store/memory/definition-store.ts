import type { ArchiveResult, DefinitionStore, KnownFile, NewVersion, RegisterResult } from "#ports/definition-store.ts";
import { webhookNames } from "../webhook-names.ts";
import { activeVersion, createMemorySchedules, nextSchedule } from "./schedules.ts";
import type { MemoryState, NewEvent } from "./memory-state.ts";
import { putSensors } from "./stored-sensor.ts";
import type { StoredDag, StoredVersion } from "./stored-definition.ts";

export function createMemoryDefinitions(state: MemoryState): DefinitionStore {
  return {
    async register(version) {
      return register(state, version);
    },
    async registerAll(versions) {
      return registerAll(state, versions);
    },
    async recordImportError(filePath, hash, problems) {
      const known = state.importErrors.get(filePath);
      if (known?.hash === hash && JSON.stringify(known.problems) === JSON.stringify(problems)) return;
      state.importErrors.set(filePath, { filePath, hash, problems, since: known?.since ?? state.now() });
      const dag = activeDagsOf(state, filePath)[0];
      const data = { file_path: filePath, problem_count: problems.length };
      state.emit([{ ...about(dag?.dagId ?? filePath, dag?.dagId ?? null), eventType: "dag.validation_failed", data }]);
    },
    async clearImportError(filePath) {
      state.importErrors.delete(filePath);
    },
    async archiveFile(filePath) {
      state.importErrors.delete(filePath);
      if (archiveFile(state, filePath, null)) tellOthers(state);
    },
    async archiveDag(dagId, goneFile) {
      return archiveDag(state, dagId, goneFile);
    },
    async setPaused(dagId, isPaused) {
      const dag = state.dags.get(dagId);
      if (dag !== undefined && dag.isPaused !== isPaused) {
        dag.isPaused = isPaused;
        if (!isPaused) dag.resumedAt = state.now();
        state.emit([{ ...about(dagId), eventType: "dag.paused", data: { is_paused: isPaused } }]);
        tellOthers(state);
      }
      return dag !== undefined;
    },
    async getActive(dagId) {
      const version = activeVersion(state, state.dags.get(dagId));
      if (version === undefined) return null;
      const { dagKey, isActive, isPaused } = version.dag;
      return {
        dagKey,
        dagId,
        versionKey: version.versionKey,
        version: version.version,
        isActive,
        isPaused,
        definition: version.content.definition,
      };
    },
    async getVersion(versionKey) {
      const found = state.versions.get(versionKey);
      return found === undefined
        ? null
        : {
            dagId: found.dag.dagId,
            version: found.version,
            filePath: found.content.filePath,
            definition: found.content.definition,
          };
    },
    async findHook(name) {
      return hookOwner(state, name)?.dagId ?? null;
    },
    async listKnownFiles() {
      return listKnownFiles(state);
    },
    ...createMemorySchedules(state),
  };
}

/** Those with webhooks come after the others, as in the database. */
function registerAll(state: MemoryState, versions: readonly NewVersion[]): readonly RegisterResult[] {
  const hasHooks = ({ definition }: NewVersion): boolean => webhookNames(definition).length > 0;
  const inOrder = [...versions.filter((version) => !hasHooks(version)), ...versions.filter(hasHooks)];
  const results = new Map(inOrder.map((version) => [version, register(state, version)]));
  return versions.flatMap((version) => results.get(version) ?? []);
}

function register(state: MemoryState, next: NewVersion): RegisterResult {
  const known = state.dags.get(next.dagId);
  if (known?.isActive && known.filePath !== null && known.filePath !== next.filePath)
    return { kind: "taken", filePath: known.filePath };
  const taken = findTakenHook(state, next, known);
  if (taken !== null) return taken;
  if (next.filePath !== null) state.importErrors.delete(next.filePath);
  const dag = known ?? insertDag(state, next.dagId);
  const before = activeVersion(state, dag);
  const isSame = before !== undefined && before.content.hash === next.hash && dag.filePath === next.filePath;
  if (isSame && dag.isActive)
    return { kind: "registered", dagKey: dag.dagKey, version: before.version, changed: false };
  const version = isSame ? before : insertVersion(state, dag, next);
  if (next.filePath !== null) archiveFile(state, next.filePath, dag.dagKey);
  dag.activeVersionKey = version.versionKey;
  dag.filePath = next.filePath;
  dag.isActive = true;
  putSensors(state, dag, next.definition);
  dag.schedule = nextSchedule(state, dag.schedule, next.schedule);
  state.emit([
    { ...about(dag.dagId), eventType: "dag.updated", data: { version: version.version, file_path: next.filePath } },
  ]);
  tellOthers(state);
  return { kind: "registered", dagKey: dag.dagKey, version: version.version, changed: true };
}

/** The DAG in force that has a webhook of this name. */
function hookOwner(state: MemoryState, name: string): StoredDag | undefined {
  return [...state.dags.values()].find(
    (dag) => dag.isActive && webhookNames(activeVersion(state, dag)?.content.definition).includes(name),
  );
}

/** A DAG of the same file leaves force with this registration, and its names are free. */
function findTakenHook(state: MemoryState, next: NewVersion, own: StoredDag | undefined): RegisterResult | null {
  for (const hook of webhookNames(next.definition)) {
    const owner = hookOwner(state, hook);
    const isLeaving = next.filePath !== null && owner?.filePath === next.filePath;
    if (owner === undefined || owner === own || isLeaving) continue;
    return { kind: "hook_taken", hook, dagId: owner.dagId, filePath: owner.filePath };
  }
  return null;
}

function insertDag(state: MemoryState, dagId: string): StoredDag {
  const dag: StoredDag = {
    dagKey: state.nextKey(),
    dagId,
    registeredAt: state.now(),
    activeVersionKey: null,
    filePath: null,
    isActive: false,
    isPaused: false,
    resumedAt: Number.NEGATIVE_INFINITY,
    schedule: null,
  };
  state.dags.set(dagId, dag);
  state.dagsByKey.set(dag.dagKey, dag);
  return dag;
}

function insertVersion(state: MemoryState, dag: StoredDag, content: NewVersion): StoredVersion {
  const earlier = [...state.versions.values()].filter((version) => version.dag === dag).length;
  const version = { versionKey: state.nextKey(), dag, version: earlier + 1, content, registeredAt: state.now() };
  state.versions.set(version.versionKey, version);
  return version;
}

/** Takes the DAGs of a file out of force, except one; whether there were any. */
function archiveFile(state: MemoryState, filePath: string, exceptKey: number | null): boolean {
  const archived = activeDagsOf(state, filePath).filter((dag) => dag.dagKey !== exceptKey);
  for (const dag of archived) archive(state, dag);
  return archived.length > 0;
}

function archiveDag(state: MemoryState, dagId: string, goneFile: string | null): ArchiveResult {
  const dag = state.dags.get(dagId);
  if (dag === undefined) return { kind: "unknown" };
  if (!dag.isActive) return { kind: "archived", changed: false };
  if (dag.filePath !== null && dag.filePath !== goneFile) return { kind: "has_file", filePath: dag.filePath };
  if (dag.filePath !== null) state.importErrors.delete(dag.filePath);
  archive(state, dag);
  tellOthers(state);
  return { kind: "archived", changed: true };
}

function archive(state: MemoryState, dag: StoredDag): void {
  dag.isActive = false;
  dag.schedule = null;
  for (const run of state.runs.values())
    if (run.row.dagKey === dag.dagKey && run.row.endedAt === null) run.isOrphaned = true;
  state.emit([{ ...about(dag.dagId), eventType: "dag.archived", data: { file_path: dag.filePath } }]);
}

function activeDagsOf(state: MemoryState, filePath: string): readonly StoredDag[] {
  return [...state.dags.values()].filter((dag) => dag.isActive && dag.filePath === filePath);
}

/** By file: the content that was last looked at; of a broken file that of its import error. */
function listKnownFiles(state: MemoryState): readonly KnownFile[] {
  const files = new Map<string, KnownFile>();
  for (const dag of state.dags.values()) {
    const hash = activeVersion(state, dag)?.content.hash;
    if (dag.isActive && dag.filePath !== null && hash !== undefined) {
      files.set(dag.filePath, { filePath: dag.filePath, hash, dagId: dag.dagId, isActive: true });
    }
  }
  for (const { filePath, hash } of state.importErrors.values()) {
    const dagId = files.get(filePath)?.dagId ?? null;
    files.set(filePath, { filePath, hash, dagId, isActive: dagId !== null });
  }
  return [...files.values()].toSorted((a, b) => (a.filePath < b.filePath ? -1 : 1));
}

function about(
  resourceId: string,
  dagId: string | null = resourceId,
): Pick<NewEvent, "resourceType" | "resourceId" | "dagId" | "dagRunId"> {
  return { resourceType: "dag", resourceId, dagId, dagRunId: null };
}

function tellOthers(state: MemoryState): void {
  state.wake.notify("definitions");
  state.wake.notify("schedules");
  state.wake.notify("sensors");
}
