import type { DatabaseConnection } from "#connections/sessions/open-session.ts";
import { AppError } from "#errors/app-error.ts";
import type { OperatorContext } from "../operator.ts";
import { durationToMs } from "../operator-fields.ts";
import { type ResultKind, resultKinds } from "./sql-outputs.ts";
import { readQuery } from "./sql-query.ts";
import type { PlacedStatement } from "./statement-failure.ts";

/** What the rendered fields ask for. */
export interface SqlRequest {
  readonly connection: DatabaseConnection;
  readonly statements: readonly PlacedStatement[];
  /** Null: rows if the query returns any, else the count. */
  readonly result: ResultKind | null;
  readonly statementTimeoutMs: number | null;
}

/** Throws INVALID_ARGUMENT, and what `connections` throws. */
export function readRequest({ config, host }: Pick<OperatorContext, "config" | "host">): SqlRequest {
  const connection = host.connections.find(connectionName(config), "postgres", "mysql", "sqlite");
  const query = config["sql_query"] ?? config["query"];
  const statements = readQuery(query, config["parameters"], connection.kind);
  return {
    connection,
    statements,
    result: readResult(config["result"]),
    statementTimeoutMs: readTimeout(config["statement_timeout"], connection),
  };
}

export function connectionName(config: OperatorContext["config"]): string {
  return String(config["database_connection"] ?? config["connection"]);
}

function readResult(value: unknown): ResultKind | null {
  if (value === undefined) return null;
  const kind = resultKinds.find((each) => each === value);
  if (kind !== undefined) return kind;
  throw new AppError("INVALID_ARGUMENT", `result: ${JSON.stringify(value)} is none of ${resultKinds.join(", ")}`);
}

function readTimeout(value: unknown, { kind }: DatabaseConnection): number | null {
  if (value === undefined) return null;
  if (kind === "sqlite") {
    throw new AppError("INVALID_ARGUMENT", "statement_timeout: SQLite has none; set the task's `timeout`");
  }
  const timeoutMs = durationToMs(value);
  if (timeoutMs !== null) return timeoutMs;
  throw new AppError("INVALID_ARGUMENT", `statement_timeout: ${JSON.stringify(value)} is no duration`);
}
