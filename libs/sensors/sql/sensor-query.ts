import { AppError } from "#errors/app-error.ts";
import { type BoundStatement, bindStatements, quoteName, type SqlValue } from "#sql/bind-statement.ts";
import { scanSql } from "#sql/scan-sql.ts";
import type { SqlDialect } from "#sql/sql-dialect.ts";

/** What the column that rows are ordered by is called where the query does not give it. */
export const addedColumn = "millrace_last";

const wrappable: ReadonlySet<string> = new Set(["SELECT", "WITH", "VALUES"]);

/** The sensor's query with its last value. Throws SENSOR_FAILED for what can't be asked within another query. */
export function bindQuery(query: string, dialect: SqlDialect, parameters: readonly SqlValue[]): BoundStatement {
  const { statements } = scanSql(query, [], dialect);
  const [first] = statements;
  if (statements.length !== 1 || first === undefined || !wrappable.has(first.words[0] ?? "")) {
    throw new AppError("SENSOR_FAILED", "the query must be one statement that begins with SELECT, WITH or VALUES");
  }
  const [bound] = bindStatements(statements, { dialect, holes: [], parameters });
  if (bound === undefined) throw new AppError("SENSOR_FAILED", "the query has no statement");
  return bound;
}

/** The query with its column that grows in front: of a plain SELECT that does not give it. */
export function addColumn({ text, values }: BoundStatement, column: string, dialect: SqlDialect): BoundStatement {
  const name = column
    .split(".")
    .map((part) => quoteName(part, dialect))
    .join(".");
  return { text: text.replace(/\bSELECT\b/i, (word) => `${word} ${name} AS ${addedColumn},`), values };
}

/** Its first rows, by a column of it. */
export function firstRows({ text, values }: BoundStatement, column: string, limit: number): BoundStatement {
  return { text: `SELECT q.* FROM (\n${text}\n) AS q ORDER BY q.${column} LIMIT ${limit}`, values };
}

/** The greatest value of a column of it. */
export function greatestValue({ text, values }: BoundStatement, column: string): BoundStatement {
  return { text: `SELECT max(q.${column}) AS last FROM (\n${text}\n) AS q`, values };
}

/** How many of its rows have the least value of a column. */
export function countFirst({ text, values }: BoundStatement, column: string): BoundStatement {
  return {
    text: `SELECT count(*) AS n FROM (\n${text}\n) AS q GROUP BY q.${column} ORDER BY q.${column} LIMIT 1`,
    values,
  };
}

export function countRows({ text, values }: BoundStatement): BoundStatement {
  return { text: `SELECT count(*) AS n FROM (\n${text}\n) AS q`, values };
}
