import { z } from "zod";
import { AppError } from "#errors/app-error.ts";
import type { OperatorSchema } from "#ports/operator-schema.ts";
import type { Operator, OperatorResult } from "../operator.ts";
import { durationField, exactlyOneOf, orExpression } from "../operator-fields.ts";
import { runOnServer } from "./run-on-server.ts";
import { runSqlite } from "./run-sqlite.ts";
import { resultKinds } from "./sql-outputs.ts";
import { connectionName, readRequest } from "./sql-request.ts";

/** Runs a query in one transaction. A statement of SQLite blocks its process, so it has one of its own. */
export const sqlOperator: Operator = {
  type: "sql",
  inProcess: (config, { connections }) => {
    try {
      return connections.find(connectionName(config)).kind !== "sqlite";
    } catch {
      // Whatever is wrong with it is told when the operator runs.
      return true;
    }
  },
  async execute(context): Promise<OperatorResult> {
    try {
      const request = readRequest(context);
      const { connection } = request;
      if (connection.kind === "sqlite") return await runSqlite(context, { ...request, connection });
      return await runOnServer(context, { ...request, connection });
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const code = error.code === "CONNECTION_FAILED" ? "connection" : "configuration";
      return { kind: "failed", code, message: error.message, retryable: error.retryable };
    }
  },
};

const text = z.string().min(1);
const either = {
  query: exactlyOneOf(["sql_query", "query"]),
  connection: exactlyOneOf(["database_connection", "connection"]),
};

export const sqlSchema: OperatorSchema = {
  fields: z
    .strictObject({
      sql_query: text.optional().describe("One statement or several, separated by semicolons."),
      query: text.optional().describe("The same as sql_query."),
      database_connection: text.optional().describe("A named connection of type postgres, mysql or sqlite."),
      connection: text.optional().describe("The same as database_connection."),
      parameters: orExpression(
        z.union([z.array(z.unknown()), z.record(z.string(), z.unknown())]),
        "a list ($1, $2 or ? in the query) or a map (:name in the query)",
      )
        .optional()
        .describe("Values for $1, $2 or ? (a list), or for :name (a map)."),
      result: orExpression(z.enum(resultKinds), `one of ${resultKinds.join(", ")}`)
        .optional()
        .describe("What becomes outputs: rows if the query returns any, else count, by default."),
      statement_timeout: durationField.optional().describe("The longest time for one statement."),
    })
    .check(either.query)
    .check(either.connection),
  code: { sql_query: "sql", query: "sql" },
  description: "SQL statements, in one transaction.",
};
