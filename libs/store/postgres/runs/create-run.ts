import { createRun as createRunRows, type CreatedRun } from "#core/create-run.ts";
import { decideRun } from "#core/decide-run.ts";
import type { Decision } from "#core/decision.ts";
import type { RunAggregate } from "#core/run-model.ts";
import type { CreateRunResult, NewRun } from "#ports/new-run.ts";
import type { Database, Queryable } from "../database.ts";
import { isUniqueViolation } from "../database-errors.ts";
import { type ChangeContext, changeRuns } from "../../changes/change-runs.ts";
import type { RunLoader } from "./run-loader.ts";
import { createRunTable } from "./run-table.ts";
import { createRunText, createRunValues } from "./create-statement.ts";
import { archiveRun, findRequest, findRunOfDate, forgetRequest } from "./run-lookups.ts";

const insertRun = { name: "create_run", text: createRunText };

/** A replacement that loses its race against another is tried so often. */
const maxReplacements = 5;

export interface CreateContext extends ChangeContext {
  readonly database: Database;
  readonly loader: RunLoader;
  readonly now: () => number;
}

/** Writes a new run as a whole, or says why there is none. */
export async function createRun(context: CreateContext, run: NewRun): Promise<CreateRunResult> {
  const { database, loader, now } = context;
  const dagId = await loader.dagId(database, run.dagKey);
  const plan = await loader.plan(database, run.versionKey);
  const created = createRunRows(plan, { runKey: 0, ...run, dagId }, now());
  for (let round = 0; round < maxReplacements; round += 1) {
    const runKey = await insert(database, run, created);
    if (runKey !== null) return remember(context, run, created, runKey);
    const earlier = await findEarlier(database, run);
    if (earlier === null && run.leaderEpoch !== null) return { kind: "not_leader" };
    if (earlier === null) continue;
    if (earlier.kind !== "exists" || !run.replaceExisting) return earlier;
    const replaced = await replace(context, run, created);
    if (replaced !== null) return remember(context, run, created, replaced);
    if (run.leaderEpoch !== null) return { kind: "not_leader" };
  }
  throw new Error(`run of ${dagId} lost ${maxReplacements} races against other replacements`);
}

/** The new run's key, or null when something is there already. */
async function insert(database: Queryable, run: NewRun, created: CreatedRun): Promise<number | null> {
  if (run.request !== null) await database.query(forgetRequest, [run.request.caller, run.request.id]);
  try {
    const [row] = await database.query<{ run_key: number }>(insertRun, createRunValues(run, created));
    return row?.run_key ?? null;
  } catch (error) {
    if (isUniqueViolation(error)) return null;
    throw error;
  }
}

async function findEarlier(database: Queryable, run: NewRun): Promise<CreateRunResult | null> {
  if (run.request !== null) {
    const [request] = await database.query<{ body_hash: string; run_id: string }>(findRequest, [
      run.request.caller,
      run.request.id,
    ]);
    if (request !== undefined)
      return request.body_hash === run.request.bodyHash
        ? { kind: "repeated", runId: request.run_id }
        : { kind: "request_conflict" };
  }
  const [other] = await database.query<{ run_id: string }>(findRunOfDate, [run.dagKey, run.logicalAt]);
  return other === undefined ? null : { kind: "exists", runId: other.run_id };
}

/** Ends a replacement that can't be completed, so that nothing of it stays. */
class ReplacementLost extends Error {}

/** Cancels and archives the date's run and writes the new one, in one transaction; null when nothing was changed. */
async function replace(context: CreateContext, run: NewRun, created: CreatedRun): Promise<number | null> {
  try {
    return await context.database.transaction(async (transaction) => {
      const [old] = await transaction.query<{ run_key: number }>(findRunOfDate, [run.dagKey, run.logicalAt]);
      if (old !== undefined) await archive(context, transaction, old.run_key);
      const runKey = await insert(transaction, run, created);
      if (runKey === null) throw new ReplacementLost();
      return runKey;
    });
  } catch (error) {
    if (error instanceof ReplacementLost) return null;
    throw error;
  }
}

async function archive(context: CreateContext, transaction: Queryable, runKey: number): Promise<void> {
  const { cache, loader, now } = context;
  // The cache follows commits, and this transaction has not committed.
  cache.drop(runKey);
  const decide = (before: RunAggregate): Decision | null =>
    before.run.endedAt === null ? decideRun(before, [{ kind: "cancel", reason: "replaced" }], now()) : null;
  const [changed] = await changeRuns({ cache, table: createRunTable(transaction, loader) }, [{ runKey, decide }]);
  cache.drop(runKey);
  if (changed?.kind === "busy") throw new ReplacementLost();
  const archived = await transaction.query(archiveRun, [runKey]);
  if (archived.length === 0) throw new ReplacementLost();
}

/** The process that made a run knows it already: its executor need not read it again. */
function remember({ cache }: CreateContext, run: NewRun, created: CreatedRun, runKey: number): CreateRunResult {
  cache.put({ ...created.aggregate, run: { ...created.aggregate.run, runKey, sequence: 0 } });
  return { kind: "created", runKey, runId: run.runId };
}
