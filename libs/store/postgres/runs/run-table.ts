import type { DecidedRun, RunTable, WrittenRuns } from "../../changes/run-table.ts";
import type { KeptAnswer } from "#ports/kept-answer.ts";
import type { Queryable } from "../database.ts";
import { AppError } from "#errors/app-error.ts";
import { isPassingConflict, isUniqueViolation } from "../database-errors.ts";
import { buildChangeStatement } from "./change-statement.ts";
import type { RunLoader } from "./run-loader.ts";
import { SlotRowMaker } from "./slot-statement.ts";

/** Runs in PostgreSQL, over a pool or within a transaction; what that made is known only once it is committed. */
export function createRunTable(
  database: Queryable,
  loader: RunLoader,
  slotRows: SlotRowMaker = new SlotRowMaker(),
): RunTable {
  return {
    load: (runKeys, cached) => loader.load(database, runKeys, cached),
    async write(decided) {
      const statement = buildChangeStatement(decided);
      try {
        const [row] = await database.query<{ locked: readonly number[]; short: readonly number[] }>(
          statement,
          statement.values,
        );
        const lackingRoom = new Set(row?.short);
        const haveNewRows = lackingRoom.size > 0 && (await addMissingRows(decided, lackingRoom));
        return { written: new Set(row?.locked), lackingRoom: haveNewRows ? new Set() : lackingRoom };
      } catch (error) {
        if (isPassingConflict(error)) return nothingWritten;
        const answers = decided.flatMap((one) => one.answers ?? []);
        if (answers.length > 0 && isUniqueViolation(error)) throw answeredBefore(answers);
        throw error;
      }
    },
  };

  /** A limit that was never used has no rows yet, one that a later version raised too few. */
  async function addMissingRows(decided: readonly DecidedRun[], short: ReadonlySet<number>): Promise<boolean> {
    const needs = decided
      .filter(({ before }) => short.has(before.run.runKey))
      .flatMap(({ decision }) => decision.slotsTaken);
    return slotRows.addMissing(database, needs);
  }
}

function answeredBefore(answers: readonly KeptAnswer[]): AppError {
  const ids = answers.map(({ id }) => id);
  return new AppError("IDEMPOTENCY_CONFLICT", `request id ${ids.join(", ")} has an answer already`, {
    details: { request_id: ids[0] ?? "" },
  });
}

const nothingWritten: WrittenRuns = { written: new Set(), lackingRoom: new Set() };
