import { describeError } from "#errors/app-error.ts";
import type { DatabaseFailure } from "./sql-session.ts";
import { codeOf, systemFailure } from "./system-failure.ts";

const connectionCodes: ReadonlySet<string> = new Set([
  "PROTOCOL_CONNECTION_LOST",
  "PROTOCOL_SEQUENCE_TIMEOUT",
  "ER_CON_COUNT_ERROR",
  "ER_SERVER_SHUTDOWN",
  "ER_TOO_MANY_USER_CONNECTIONS",
]);
const transientCodes: ReadonlySet<string> = new Set([
  ...connectionCodes,
  "ER_LOCK_DEADLOCK",
  "ER_LOCK_WAIT_TIMEOUT",
  "ER_QUERY_INTERRUPTED",
  "ER_QUERY_TIMEOUT",
  "ER_STATEMENT_TIMEOUT",
  "ER_OUT_OF_RESOURCES",
  "ER_OUTOFMEMORY",
  "ER_DISK_FULL",
]);
const syntaxCodes: ReadonlySet<string> = new Set(["ER_PARSE_ERROR", "ER_SYNTAX_ERROR", "ER_EMPTY_QUERY"]);
const missingCodes: ReadonlySet<string> = new Set([
  "ER_NO_SUCH_TABLE",
  "ER_BAD_FIELD_ERROR",
  "ER_BAD_TABLE_ERROR",
  "ER_BAD_DB_ERROR",
  "ER_SP_DOES_NOT_EXIST",
  "ER_KEY_COLUMN_DOES_NOT_EXITS",
]);

/** What an error of MySQL or MariaDB means, by its name. */
export function mysqlFailure(error: unknown): DatabaseFailure {
  const system = systemFailure(error);
  if (system !== null) return system;
  const databaseCode = codeOf(error);
  const isMissingObject = missingCodes.has(databaseCode);
  const isSyntax = isMissingObject || syntaxCodes.has(databaseCode);
  return {
    message: describeError(error),
    databaseCode,
    kind: connectionCodes.has(databaseCode) ? "connection" : isSyntax ? "syntax" : "database",
    isRetryable: transientCodes.has(databaseCode),
    isMissingObject,
    // It says near which words, and in which line, in its message.
    position: null,
  };
}
