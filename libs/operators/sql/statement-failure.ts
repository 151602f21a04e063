import type { DatabaseFailure, SqlSession } from "#connections/sessions/sql-session.ts";
import { AppError } from "#errors/app-error.ts";
import type { BoundStatement } from "#sql/bind-statement.ts";

/** A statement as the database takes it, and where it stands in the query. */
export interface PlacedStatement {
  readonly bound: BoundStatement;
  /** Its first words in upper case. */
  readonly words: readonly string[];
  /** Line of the query in which it begins, from 1. */
  readonly line: number;
}

/** The failure of an attempt; the codes are those of `OperatorResult`. */
export interface SqlFailure {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
}

interface Place {
  readonly statements: readonly PlacedStatement[];
  readonly place: number;
}

const maxShownLength = 100;
const codes = { syntax: "syntax", connection: "connection", database: "database_error" } as const;

/** What an error means for the attempt: which statement, what the database says, its code, and where in the query. */
export function statementFailure(error: unknown, session: SqlSession, at: Place | null): SqlFailure {
  const where = at === null ? "" : describePlace(at);
  if (error instanceof AppError)
    return { code: "timeout", message: `${where}${error.message}`, retryable: error.retryable };
  const failure = session.describeFailure(error);
  const statement = at?.statements[at.place];
  const context = statement === undefined ? "" : describeContext(statement, failure.position);
  return {
    code: codes[failure.kind],
    message: `${where}${describeFailure(failure)}${context}`,
    retryable: failure.isRetryable,
  };
}

/** A COMMIT without an answer: nobody knows whether it counted. */
export function uncertainCommit(failure: DatabaseFailure): SqlFailure {
  const doubt = failure.kind === "connection" ? "; whether the changes were made is not known" : "";
  return {
    code: codes[failure.kind],
    message: `COMMIT: ${describeFailure(failure)}${doubt}`,
    retryable: failure.isRetryable,
  };
}

function describeFailure({ message, databaseCode }: DatabaseFailure): string {
  return databaseCode === "" ? message : `${message} (${databaseCode})`;
}

function describePlace({ statements, place }: Place): string {
  return statements.length === 1 ? "" : `statement ${place + 1} of ${statements.length}: `;
}

/** Values stand beside the text, so the line that is shown holds none. */
function describeContext({ bound, line }: PlacedStatement, position: number | null): string {
  if (position === null) return `, in the statement that begins at line ${line}: ${shorten(firstLine(bound.text))}`;
  const before = bound.text.slice(0, position);
  const lineStart = before.lastIndexOf("\n") + 1;
  const text = firstLine(bound.text.slice(lineStart));
  const column = position - lineStart;
  const shown = text.slice(Math.max(0, column - maxShownLength / 2));
  return `, at line ${line + before.split("\n").length - 1}, column ${column + 1}: ${shorten(shown.trim())}`;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}

function shorten(text: string): string {
  return text.length <= maxShownLength ? text : `${text.slice(0, maxShownLength)}…`;
}
