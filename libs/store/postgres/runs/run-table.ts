import type { RunTable } from "../../changes/run-table.ts";
import type { Queryable } from "../database.ts";
import { isPassingConflict } from "../database-errors.ts";
import { buildChangeStatement } from "./change-statement.ts";
import type { RunLoader } from "./run-loader.ts";

/** Runs in PostgreSQL, over a pool or within a transaction. */
export function createRunTable(database: Queryable, loader: RunLoader): RunTable {
  return {
    load: (runKeys, known) => loader.load(database, runKeys, known),
    async write(decided) {
      const statement = buildChangeStatement(decided);
      try {
        const [row] = await database.query<{ locked: readonly number[] }>(statement, statement.values);
        return new Set(row?.locked);
      } catch (error) {
        if (isPassingConflict(error)) return new Set();
        throw error;
      }
    },
  };
}
