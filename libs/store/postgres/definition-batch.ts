import type { NewVersion, RegisterResult } from "#ports/definition-store.ts";
import { sensorsOf } from "../sensor-rows.ts";
import type { Transaction } from "./database.ts";
import { definitionBatchStatements as sql } from "./definition-batch-statements.ts";
import { definitionStatements } from "./definition-statements.ts";
import { putSchedule } from "./schedule-repository.ts";
import { putSensors } from "./sensor-repository.ts";

interface LockedDag {
  readonly dag_id: string;
  readonly dag_key: number;
  readonly is_active: boolean;
  readonly file_path: string | null;
  readonly active_version_key: number | null;
  readonly version: number | null;
  readonly hash: string | null;
}

/** A definition with its locked row, and what is to be done about it. */
interface Decision {
  readonly next: NewVersion;
  readonly dag: LockedDag;
  /** `put`: its content is to be put in force. `later`: its id may be free once the others are registered. */
  readonly result: RegisterResult | "put" | "later";
}

/**
 * Registers definitions of different ids that have no webhooks, one statement for each step; the results come in their
 * order, null for one that must be registered by itself afterwards. Two round trips for all of them, however many there are.
 */
export async function registerTogether(
  transaction: Transaction,
  versions: readonly NewVersion[],
): Promise<readonly (RegisterResult | null)[]> {
  const ids = versions.map(({ dagId }) => dagId);
  void transaction.query(sql.insertDags, [ids]);
  const locked = await transaction.query<LockedDag>(sql.lockDags, [ids]);
  const dags = new Map(locked.map((dag) => [dag.dag_id, dag]));
  const files = new Set(versions.map(({ filePath }) => filePath));
  const decisions = versions.map((next) => decide(next, dags.get(next.dagId), files));
  const written = await activateAll(transaction, decisions);
  return decisions.map(({ dag, result }): RegisterResult | null => {
    if (result === "later") return null;
    if (result !== "put") return result;
    const version = written.get(dag.dag_key);
    if (version === undefined) throw new Error(`no version of ${dag.dag_id} was written`);
    return { kind: "registered", dagKey: dag.dag_key, version, changed: true };
  });
}

function decide(next: NewVersion, dag: LockedDag | undefined, files: ReadonlySet<string | null>): Decision {
  if (dag === undefined) throw new Error(`DAG ${next.dagId} vanished while it was registered`);
  if (dag.is_active && dag.file_path !== null && dag.file_path !== next.filePath) {
    const isLeaving = files.has(dag.file_path);
    return { next, dag, result: isLeaving ? "later" : { kind: "taken", filePath: dag.file_path } };
  }
  if (!dag.is_active || !isSame(dag, next) || dag.version === null) return { next, dag, result: "put" };
  return { next, dag, result: { kind: "registered", dagKey: dag.dag_key, version: dag.version, changed: false } };
}

function isSame(dag: LockedDag, next: NewVersion): boolean {
  return dag.hash === next.hash && dag.file_path === next.filePath && dag.version !== null;
}

/** The versions by DAG. The files' former DAGs, if their ids were changed, leave force in the same transaction. */
async function activateAll(
  transaction: Transaction,
  decisions: readonly Decision[],
): Promise<ReadonlyMap<number, number>> {
  const isFree = ({ result }: Decision): boolean =>
    typeof result === "string" ? result === "put" : result.kind !== "taken";
  void transaction.query(sql.dropImportErrors, [pathsOf(decisions.filter(isFree))]);
  const changed = decisions.filter(({ result }) => result === "put");
  if (changed.length === 0) return new Map();
  const keys = changed.map(({ dag }) => dag.dag_key);
  void transaction.query(definitionStatements.archiveFiles, [pathsOf(changed), keys]);
  void transaction.query(sql.dropWebhooks, [keys]);
  const hasSensors = ({ next }: Decision): boolean => sensorsOf(next.definition).length > 0;
  void transaction.query(sql.dropSensors, [changed.filter((each) => !hasSensors(each)).map(({ dag }) => dag.dag_key)]);
  for (const { dag, next } of changed.filter(hasSensors)) putSensors(transaction, dag.dag_key, next.definition);
  for (const { dag, next } of changed) putSchedule(transaction, dag.dag_key, next.schedule);
  const rows = await transaction.query<{ dag_key: number; version: number }>(sql.putVersions, [
    JSON.stringify(changed.map(toRecord)),
  ]);
  return new Map(rows.map((row) => [row.dag_key, row.version]));
}

function pathsOf(decisions: readonly Decision[]): readonly string[] {
  return decisions.flatMap(({ next }) => next.filePath ?? []);
}

function toRecord({ dag, next }: Decision): object {
  const isKnown = isSame(dag, next);
  return {
    dag_key: dag.dag_key,
    dag_id: next.dagId,
    version_key: isKnown ? dag.active_version_key : null,
    version: isKnown ? dag.version : null,
    hash: next.hash,
    definition: next.definition,
    source_text: next.text,
    source: next.source,
    file_path: next.filePath,
    description: next.description,
    owner: next.owner,
    tags: next.tags,
    priority: priorityOf(next.definition),
  };
}

/** Of a definition in its normal form. */
export function priorityOf(definition: unknown): number {
  const has = typeof definition === "object" && definition !== null && "priority" in definition;
  return has && typeof definition.priority === "number" ? definition.priority : 0;
}
