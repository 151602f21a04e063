import { DatabaseError } from "pg";
import type { RecordedAttempt } from "#core/difference.ts";
import type { RunAggregate } from "#core/run-model.ts";
import { describeError } from "#errors/app-error.ts";
import type {
  ConsistencyStore,
  RunRepair,
  RunSnapshot,
  SnapshotPage,
  StrayFact,
  UnreadableRun,
} from "#ports/consistency-store.ts";
import type { Wake } from "#ports/wake.ts";
import { freedSlotWakes, roomWakes } from "../changes/room-wakes.ts";
import type { DecidedRun } from "../changes/run-table.ts";
import { consistencyStatements as sql, strayStatements } from "./consistency-statements.ts";
import type { Database, Queryable, Transaction } from "./database.ts";
import { isConnectionError } from "./database-errors.ts";
import { migrationStatus } from "./migrate.ts";
import { buildChangeStatement } from "./runs/change-statement.ts";
import type { RunLoader } from "./runs/run-loader.ts";

/** A check never keeps the server busy for longer with one statement. */
const statementDeadlineMs = 5000;
const snapshotMode = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";

interface AttemptRow {
  readonly run_key: number;
  readonly ordinal: number;
  readonly generation: number;
  readonly try_number: number;
  readonly fence: number;
  readonly worker_key: number;
  readonly is_running: boolean;
  readonly is_released: boolean;
}

interface Context {
  readonly database: Database;
  readonly loader: RunLoader;
  readonly wake: Wake;
  readonly connectionString: string;
}

/** What the consistency check reads and repairs in PostgreSQL. */
export function createConsistencyRepository(context: Context): ConsistencyStore {
  const { database } = context;
  return {
    async listRuns({ afterKey, ended, limit }) {
      const statement = ended ? sql.listEndedRuns : sql.listRuns;
      const rows = await database.query<{ run_key: number; instance_count: number }>(statement, [afterKey, limit]);
      return rows.map((row) => ({ runKey: row.run_key, instanceCount: row.instance_count }));
    },
    readRuns: (runKeys) => readRuns(context, runKeys),
    repairRun: (runKey, decide) => repairRun(context, runKey, decide),
    async listStrays(limits, limit) {
      return database.transaction(async (transaction) => {
        await beginSnapshot(transaction);
        const { outboxMs, leaseMs, scheduleMs, queueMs, workerMs, filesMs, fileFailures } = limits;
        const strays = async (
          kind: StrayFact["kind"],
          ms: number,
          ...more: readonly number[]
        ): Promise<readonly StrayFact[]> => {
          const rows = await transaction.query<Omit<StrayFact, "kind">>(strayStatements[kind], [limit, ms, ...more]);
          return rows.map((row) => ({ kind, ...row }));
        };
        const index = await strays("date_index", 0);
        const dates =
          index.length === 0 ? [] : await transaction.query<Omit<StrayFact, "kind">>(sql.duplicateDates, [limit]);
        return [
          ...(await strays("outbox_stuck", outboxMs)),
          ...(await strays("event_gap", 0)),
          ...index,
          ...dates.map((row): StrayFact => ({ kind: "date_index", ...row })),
          ...(await strays("lease_far", leaseMs)),
          ...(await strays("slot_idle", 0)),
          ...(await strays("schedule_overdue", scheduleMs)),
          ...(await strays("version_missing", 0)),
          ...(await strays("queue_without_worker", queueMs)),
          ...(await strays("worker_overdue", workerMs)),
          ...(await strays("files_overdue", filesMs, fileFailures)),
        ];
      });
    },
    async shortenLeases(longestMs, leaseMs) {
      const rows = await database.query<{ name: string }>(sql.shortenLeases, [leaseMs, longestMs]);
      return rows.map(({ name }) => name);
    },
    async freeIdleSlots(limit) {
      const rows = await database.query<{ subject: string }>(sql.freeIdleSlots, [limit]);
      if (rows.length > 0) for (const topic of freedSlotWakes) context.wake.notify(topic);
      return rows.map(({ subject }) => subject);
    },
    async forgetRequests(limit) {
      return (await database.query(sql.forgetRequests, [limit])).length;
    },
    async describe() {
      const [settings, versions, migrations] = await Promise.all([
        database.query<{ name: string; setting: string; now: number }>(sql.readSettings, []),
        database.query<{ worker_id: string; version: string }>(sql.listWorkerVersions, []),
        migrationStatus({ connectionString: context.connectionString }),
      ]);
      return {
        now: settings[0]?.now ?? 0,
        unsafeSettings: settings.filter(({ setting }) => setting === "off").map(({ name }) => name),
        migrations: migrations.flatMap(({ name, state }) => (state === "applied" ? [] : [{ name, state }])),
        workerVersions: versions.map((row) => ({ workerId: row.worker_id, version: row.version })),
      };
    },
  };
}

async function beginSnapshot(transaction: Transaction): Promise<void> {
  void transaction.query({ name: "", text: snapshotMode }, []);
  await transaction.query({ name: "", text: `SET LOCAL statement_timeout = ${statementDeadlineMs}` }, []);
}

/** One whose version can't be read must not hide the others: then each is read alone. */
async function readRuns(context: Context, runKeys: readonly number[]): Promise<SnapshotPage> {
  try {
    const runs = await context.database.transaction(async (transaction) => {
      await beginSnapshot(transaction);
      return readSnapshots(context, transaction, runKeys);
    });
    return { runs, unreadable: [] };
  } catch (error) {
    const [runKey, ...others] = runKeys;
    if (runKey === undefined || isDatabaseTrouble(error)) throw error;
    if (others.length === 0) return { runs: [], unreadable: [await describeUnreadable(context, runKey, error)] };
    const pages: SnapshotPage[] = [];
    for (const key of runKeys) pages.push(await readRuns(context, [key]));
    return { runs: pages.flatMap(({ runs }) => runs), unreadable: pages.flatMap(({ unreadable }) => unreadable) };
  }
}

/** Not the version's fault. */
function isDatabaseTrouble(error: unknown): boolean {
  return isConnectionError(error) || error instanceof DatabaseError;
}

async function describeUnreadable({ database }: Context, runKey: number, error: unknown): Promise<UnreadableRun> {
  const statement = { name: "consistency_run_id", text: "SELECT run_id FROM dag_runs WHERE run_key = $1" };
  const [row] = await database.query<{ run_id: string }>(statement, [runKey]);
  return { runKey, runId: row?.run_id ?? "", error: describeError(error) };
}

async function readSnapshots(
  { loader }: Context,
  queryable: Queryable,
  runKeys: readonly number[],
): Promise<readonly RunSnapshot[]> {
  const runs = await loader.load(queryable, runKeys, () => undefined);
  const attempts = Map.groupBy(await queryable.query<AttemptRow>(sql.listAttempts, [runKeys]), (row) => row.run_key);
  const gone = Map.groupBy(
    await queryable.query<{ run_key: number; worker_key: number }>(sql.listGoneWorkers, [runKeys]),
    (row) => row.run_key,
  );
  const outputs = Map.groupBy(
    await queryable.query<{ run_key: number; ordinal: number; key: string }>(sql.listStaleOutputs, [runKeys]),
    (row) => row.run_key,
  );
  const [clock] = await queryable.query<{ now: number }>(sql.storeNow, []);
  return [...runs].map(([runKey, run]) => ({
    run: withoutGaps(run),
    attempts: (attempts.get(runKey) ?? []).map(fromAttemptRow),
    goneWorkers: new Set((gone.get(runKey) ?? []).map((row) => row.worker_key)),
    staleOutputs: (outputs.get(runKey) ?? []).map(({ ordinal, key }) => ({ ordinal, key })),
    now: clock?.now ?? 0,
  }));
}

/** The loader leaves a hole where a row is missing. */
function withoutGaps(run: RunAggregate): RunAggregate {
  return { ...run, instances: run.instances.filter((instance) => instance !== undefined) };
}

async function repairRun(
  context: Context,
  runKey: number,
  decide: Parameters<ConsistencyStore["repairRun"]>[1],
): Promise<RunRepair> {
  const { database, wake } = context;
  const repair = await database.transaction(async (transaction): Promise<RunRepair> => {
    const locked = await transaction.query(sql.lockRun, [runKey]);
    if (locked.length === 0) {
      const isThere = (await transaction.query(sql.findRun, [runKey])).length > 0;
      return { kind: isThere ? "busy" : "unchanged" };
    }
    const [snapshot] = await readSnapshots(context, transaction, [runKey]);
    if (snapshot === undefined) return { kind: "unchanged" };
    const decision = decide(snapshot);
    const { run } = snapshot;
    const removed = await transaction.query(sql.deleteStaleOutputs, [runKey]);
    if (decision === null) return removed.length === 0 ? { kind: "unchanged" } : { kind: "applied", run, decision };
    const isWritten =
      (await writeDecision(transaction, { before: run, decision })) ||
      (await writeDecision(transaction, { before: run, decision: { ...decision, slotsTaken: [] } }));
    if (!isWritten) return { kind: "busy" };
    await transaction.query(sql.markAllChanged, [runKey, decision.run.sequence]);
    const instances = run.instances.slice();
    for (const { next } of decision.instances) instances[next.ordinal] = next;
    return { kind: "applied", run: { run: decision.run, instances, plan: decision.plan }, decision };
  });
  if (repair.kind !== "applied" || repair.decision === null) return repair;
  if (repair.decision.events.length > 0) wake.notify("outbox");
  if (repair.run.run.endedAt !== null) wake.notify("ended", repair.run.run.runId);
  for (const topic of roomWakes(repair.run, repair.decision)) wake.notify(topic);
  return repair;
}

/** Where a limit has no room nothing is written. What a repair has found alive is so all the same, beyond the limit. */
async function writeDecision(transaction: Transaction, decided: DecidedRun): Promise<boolean> {
  const statement = buildChangeStatement([decided]);
  const [row] = await transaction.query<{ locked: readonly number[] }>(statement, statement.values);
  return row?.locked.includes(decided.before.run.runKey) === true;
}

function fromAttemptRow(row: AttemptRow): RecordedAttempt {
  return {
    ordinal: row.ordinal,
    generation: row.generation,
    tryNumber: row.try_number,
    fence: row.fence,
    workerKey: row.worker_key,
    isRunning: row.is_running,
    isReleased: row.is_released,
  };
}
