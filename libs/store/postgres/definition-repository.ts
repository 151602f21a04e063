import type { ArchiveResult, DefinitionStore, KnownFile, NewVersion, RegisterResult } from "#ports/definition-store.ts";
import type { Wake } from "#ports/wake.ts";
import { createActiveDefinitions } from "./active-definitions.ts";
import type { Database, Transaction } from "./database.ts";
import { priorityOf, registerTogether } from "./definition-batch.ts";
import { definitionStatements as sql } from "./definition-statements.ts";
import { webhookNames } from "../webhook-names.ts";
import { putSensors } from "./sensor-repository.ts";
import { createScheduleRepository, putSchedule } from "./schedule-repository.ts";

interface LockedDag {
  readonly dag_key: number;
  readonly is_active: boolean;
  readonly file_path: string | null;
  readonly active_version_key: number | null;
  readonly version: number | null;
  readonly hash: string | null;
}

interface VersionRow {
  readonly dag_id: string;
  readonly version: number;
  readonly file_path: string | null;
  readonly definition: unknown;
}

/** Definitions, versions, schedules and import errors in PostgreSQL. */
export function createDefinitionRepository(options: { database: Database; wake: Wake }): DefinitionStore {
  const { database, wake } = options;
  const tellOthers = (): void => {
    for (const topic of ["definitions", "schedules", "sensors", "outbox"] as const) wake.notify(topic);
  };
  return {
    async register(version) {
      const result = await registerWhole(database, version);
      if (result.kind === "registered" && result.changed) tellOthers();
      return result;
    },
    async registerAll(versions) {
      const results = await registerAll(database, versions);
      if (results.some((result) => result.kind === "registered" && result.changed)) tellOthers();
      return results;
    },
    async recordImportError(filePath, hash, problems) {
      const changed = await database.query(sql.putImportError, [filePath, hash, JSON.stringify(problems)]);
      if (changed.length > 0) wake.notify("outbox");
    },
    async clearImportError(filePath) {
      await database.query(sql.dropImportError, [filePath]);
    },
    async archiveFile(filePath) {
      const archived = await database.transaction(async (transaction) => {
        void transaction.query(sql.dropImportError, [filePath]);
        return transaction.query(sql.archiveDags, [filePath, null]);
      });
      if (archived.length > 0) tellOthers();
    },
    async archiveDag(dagId, goneFile) {
      const result = await database.transaction((transaction) => archiveDag(transaction, dagId, goneFile));
      if (result.kind === "archived" && result.changed) tellOthers();
      return result;
    },
    async setPaused(dagId, isPaused) {
      const [row] = await database.query<{ changed: number }>(sql.setPaused, [dagId, isPaused]);
      if (row !== undefined && row.changed > 0) tellOthers();
      return row !== undefined;
    },
    getActive: createActiveDefinitions(database),
    async getVersion(versionKey) {
      const [row] = await database.query<VersionRow>(sql.getVersion, [versionKey]);
      return row === undefined
        ? null
        : { dagId: row.dag_id, version: row.version, filePath: row.file_path, definition: row.definition };
    },
    async findHook(name) {
      const [owner] = await database.query<HookOwner>(sql.findHookOwner, [name]);
      return owner?.is_active === true ? owner.dag_id : null;
    },
    async listKnownFiles() {
      const rows = await database.query<{ file_path: string; hash: string; dag_id: string | null; is_active: boolean }>(
        sql.listKnownFiles,
        [],
      );
      return rows.map(
        (row): KnownFile => ({ filePath: row.file_path, hash: row.hash, dagId: row.dag_id, isActive: row.is_active }),
      );
    },
    ...createScheduleRepository({ database, wake }),
  };
}

interface HookOwner {
  readonly dag_id: string;
  readonly file_path: string | null;
  readonly is_active: boolean;
}

/** Ends a registration of which nothing may stay. */
class HookTaken extends Error {
  readonly hook: string;
  readonly owner: HookOwner;

  constructor(hook: string, owner: HookOwner) {
    super(`webhook ${hook} is taken by ${owner.dag_id}`);
    this.hook = hook;
    this.owner = owner;
  }
}

async function registerWhole(database: Database, version: NewVersion): Promise<RegisterResult> {
  try {
    return await database.transaction((transaction) => register(transaction, version));
  } catch (error) {
    if (!(error instanceof HookTaken)) throw error;
    const { hook, owner } = error;
    return { kind: "hook_taken", hook, dagId: owner.dag_id, filePath: owner.file_path };
  }
}

/** Those with webhooks, which may fail by themselves, have transactions of their own after the others, in their order. */
async function registerAll(database: Database, versions: readonly NewVersion[]): Promise<readonly RegisterResult[]> {
  const plain = versions.filter(({ definition }) => webhookNames(definition).length === 0);
  const isBatch = plain.length > 1;
  const together = isBatch ? await database.transaction((transaction) => registerTogether(transaction, plain)) : [];
  const results = new Map(together.map((result, place) => [plain[place], result]));
  const inOrder = [...plain, ...versions.filter((version) => !plain.includes(version))];
  for (const version of inOrder) {
    if ((results.get(version) ?? null) === null) results.set(version, await registerWhole(database, version));
  }
  return versions.flatMap((version) => results.get(version) ?? []);
}

async function register(transaction: Transaction, next: NewVersion): Promise<RegisterResult> {
  void transaction.query(sql.insertDag, [next.dagId]);
  const [dag] = await transaction.query<LockedDag>(sql.lockDag, [next.dagId]);
  if (dag === undefined) throw new Error(`DAG ${next.dagId} vanished while it was registered`);
  if (dag.is_active && dag.file_path !== null && dag.file_path !== next.filePath)
    return { kind: "taken", filePath: dag.file_path };
  if (next.filePath !== null) void transaction.query(sql.dropImportError, [next.filePath]);
  const isSame = dag.hash === next.hash && dag.file_path === next.filePath && dag.version !== null;
  if (isSame && dag.is_active) return { kind: "registered", dagKey: dag.dag_key, version: dag.version, changed: false };
  const version = isSame
    ? { version_key: dag.active_version_key, version: dag.version }
    : await insertVersion(transaction, dag.dag_key, next);
  await activate(transaction, { dagKey: dag.dag_key, versionKey: version.version_key, version: version.version, next });
  return { kind: "registered", dagKey: dag.dag_key, version: version.version, changed: true };
}

async function insertVersion(
  transaction: Transaction,
  dagKey: number,
  next: NewVersion,
): Promise<{ version_key: number; version: number }> {
  const values = [dagKey, next.hash, JSON.stringify(next.definition), next.text, next.source, next.filePath];
  const [row] = await transaction.query<{ version_key: number; version: number }>(sql.insertVersion, values);
  if (row === undefined) throw new Error(`no version of ${next.dagId} was written`);
  return row;
}

async function archiveDag(transaction: Transaction, dagId: string, goneFile: string | null): Promise<ArchiveResult> {
  const [dag] = await transaction.query<LockedDag>(sql.lockDag, [dagId]);
  if (dag === undefined) return { kind: "unknown" };
  if (!dag.is_active) return { kind: "archived", changed: false };
  const { dag_key: dagKey, file_path: filePath } = dag;
  if (filePath !== null && filePath !== goneFile) return { kind: "has_file", filePath };
  if (filePath !== null) void transaction.query(sql.dropImportError, [filePath]);
  await transaction.query(sql.archiveDag, [dagKey]);
  return { kind: "archived", changed: true };
}

/** The file's former DAG, if its id was changed, leaves force in the same transaction. */
async function activate(
  transaction: Transaction,
  options: { dagKey: number; versionKey: number | null; version: number; next: NewVersion },
): Promise<void> {
  const { dagKey, next } = options;
  if (next.filePath !== null) void transaction.query(sql.archiveDags, [next.filePath, dagKey]);
  void transaction.query(sql.activateVersion, [
    dagKey,
    options.versionKey,
    next.filePath,
    next.description,
    next.owner,
    next.tags,
    priorityOf(next.definition),
  ]);
  putSchedule(transaction, dagKey, next.schedule);
  putSensors(transaction, dagKey, next.definition);
  await claimHooks(transaction, dagKey, webhookNames(next.definition));
  await transaction.query(sql.emitDagEvent, [
    "dag.updated",
    next.dagId,
    JSON.stringify({ version: options.version, file_path: next.filePath }),
  ]);
}

/** Throws HookTaken. Names come in one order, so that two registrations don't wait for each other. */
async function claimHooks(transaction: Transaction, dagKey: number, names: readonly string[]): Promise<void> {
  const claimed = await transaction.query<{ name: string }>(sql.claimHooks, [dagKey, names]);
  const missing = names.find((name) => !claimed.some((claim) => claim.name === name));
  if (missing === undefined) return;
  const [owner] = await transaction.query<HookOwner>(sql.findHookOwner, [missing]);
  if (owner === undefined) throw new Error(`webhook ${missing} was neither free nor taken`);
  throw new HookTaken(missing, owner);
}
