import type { SqlSession } from "#connections/sessions/sql-session.ts";
import { runTransaction, type TransactionResult } from "./run-transaction.ts";
import { isFailure, rowLimits, toOutputs } from "./sql-outputs.ts";
import type { SqlRequest } from "./sql-request.ts";

/** Runs a query on a session, whatever its dialect. What can't become outputs is undone. */
export function runRequest(
  session: SqlSession,
  { statements, result, statementTimeoutMs }: Omit<SqlRequest, "connection">,
  signal: AbortSignal,
): Promise<TransactionResult> {
  return runTransaction(session, statements, {
    keep: result === "rows" || result === null ? rowLimits : null,
    statementTimeoutMs,
    signal,
    accept: (last) => {
      const outputs = toOutputs(last, result);
      return isFailure(outputs) ? outputs : null;
    },
  });
}
