import { createRun as createRunRows, type CreatedRun } from "#core/create-run.ts";
import { decideRun } from "#core/decide-run.ts";
import type { Decision } from "#core/decision.ts";
import { needsOfRun } from "#core/limits.ts";
import type { RunAggregate } from "#core/run-model.ts";
import { failpoint } from "#failpoints/failpoint.ts";
import type { CreateRunResult, NewRun } from "#ports/new-run.ts";
import type { Database, Queryable } from "../database.ts";
import { isPassingConflict, isUniqueViolation } from "../database-errors.ts";
import { type ChangeContext, changeRuns } from "../../changes/change-runs.ts";
import { fireSensor } from "../sensor-repository.ts";
import type { RunLoader } from "./run-loader.ts";
import { createRunTable } from "./run-table.ts";
import { createRunText, createRunValues } from "./create-statement.ts";
import type { SlotRowMaker } from "./slot-statement.ts";
import { archiveRun, findRequest, findRunOfDate, forgetRequest } from "./run-lookups.ts";

const insertRun = { name: "create_run", text: createRunText };

/** A replacement that loses its race against another is tried so often. */
const maxReplacements = 5;

/** A write that fails in passing is made so often, the first time included. */
const maxWrites = 5;

export interface CreateContext extends ChangeContext {
  readonly database: Database;
  readonly loader: RunLoader;
  readonly slotRows: SlotRowMaker;
  readonly now: () => number;
}

/** Writes a new run as a whole, or says why there is none. */
export async function createRun(context: CreateContext, run: NewRun): Promise<CreateRunResult> {
  const { database, loader, slotRows, now } = context;
  const dagId = await loader.dagId(database, run.dagKey);
  const plan = await loader.plan(database, run.versionKey);
  await slotRows.addMissing(database, needsOfRun(plan, run));
  const make = (isAdmitted: boolean): CreatedRun =>
    createRunRows(plan, { runKey: 0, ...run, dagId }, now(), { isAdmitted });
  for (let round = 0; round < maxReplacements; round += 1) {
    const inserted = await writeThroughConflicts(() => insertWithFiring(database, run, make));
    if (inserted === "no_room") return { kind: "no_room" };
    if (inserted !== null) return remember(context, run, inserted);
    const earlier = await findEarlier(database, run);
    if (earlier === null && run.leaderEpoch !== null) return { kind: "not_leader" };
    if (earlier === null) continue;
    if (earlier.kind !== "exists" || !run.replaceExisting) return earlier;
    const replaced = await writeThroughConflicts(() => replace(context, run, make));
    if (replaced === "no_room") return { kind: "no_room" };
    if (replaced !== null) return remember(context, run, replaced);
    if (run.leaderEpoch !== null) return { kind: "not_leader" };
  }
  throw new Error(`run of ${dagId} lost ${maxReplacements} races against other replacements`);
}

/** Whoever asks for a run need not hear of a conflict in the database: nothing was written, and the same may succeed now. */
async function writeThroughConflicts<T>(write: () => Promise<T>): Promise<T> {
  for (let round = 1; ; round += 1) {
    try {
      return await write();
    } catch (error) {
      if (round === maxWrites || !isPassingConflict(error)) throw error;
    }
  }
}

interface InsertedRun {
  readonly created: CreatedRun;
  readonly runKey: number;
}

/** A run as it is to be written, with room in its limits or waiting for it. */
type MakeRun = (isAdmitted: boolean) => CreatedRun;

/** The new run, which may wait where its limits have no room; null when something is there already. */
async function insertWithRoom(
  database: Queryable,
  run: NewRun,
  make: MakeRun,
): Promise<InsertedRun | "no_room" | null> {
  const created = make(true);
  const inserted = await insert(database, run, created);
  if (inserted !== "no_room" || run.whenFull === "refuse") return inserted;
  return insert(database, run, make(false));
}

/** The run of an event comes with the event, or not at all: both are one transaction. */
async function insertWithFiring(
  database: Database,
  run: NewRun,
  make: MakeRun,
): Promise<InsertedRun | "no_room" | null> {
  if (run.firing === undefined) return insertWithRoom(database, run, make);
  try {
    return await database.transaction(async (transaction) => {
      const inserted = await insertWithRoom(transaction, run, make);
      if (inserted === "no_room") return inserted;
      if (inserted === null || !(await fireSensor(transaction, run))) throw new FiringRefused();
      return inserted;
    });
  } catch (error) {
    if (error instanceof FiringRefused) return null;
    throw error;
  }
}

async function insert(database: Queryable, run: NewRun, created: CreatedRun): Promise<InsertedRun | "no_room" | null> {
  if (run.request !== null) await database.query(forgetRequest, [run.request.caller, run.request.id]);
  try {
    const values = createRunValues(run, created);
    failpoint("run_creation.before");
    const [row] = await database.query<{ run_key: number | null; has_room: boolean }>(insertRun, values);
    failpoint("run_creation.after");
    if (row?.has_room === false) return "no_room";
    const runKey = row?.run_key ?? null;
    return runKey === null ? null : { created, runKey };
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
class NoRoom extends Error {}

/** What the event follows from is gone. */
class FiringRefused extends Error {}

/** Cancels and archives the date's run and writes the new one, in one transaction; null when nothing was changed. */
async function replace(context: CreateContext, run: NewRun, make: MakeRun): Promise<InsertedRun | "no_room" | null> {
  try {
    return await context.database.transaction(async (transaction) => {
      const [old] = await transaction.query<{ run_key: number }>(findRunOfDate, [run.dagKey, run.logicalAt]);
      if (old !== undefined) await archive(context, transaction, old.run_key);
      const inserted = await insertWithRoom(transaction, run, make);
      if (inserted === null) throw new ReplacementLost();
      if (inserted === "no_room") throw new NoRoom();
      return inserted;
    });
  } catch (error) {
    if (error instanceof ReplacementLost) return null;
    if (error instanceof NoRoom) return "no_room";
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
function remember({ cache }: CreateContext, run: NewRun, { created, runKey }: InsertedRun): CreateRunResult {
  cache.put({ ...created.aggregate, run: { ...created.aggregate.run, runKey, sequence: 0 } });
  const { isAdmitted } = created.aggregate.run;
  const awaitsEvaluation = created.evaluateOrdinals.length > 0;
  return { kind: "created", runKey, runId: run.runId, isAdmitted, awaitsEvaluation };
}
