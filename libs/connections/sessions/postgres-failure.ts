import { describeError } from "#errors/app-error.ts";
import type { DatabaseFailure } from "./sql-session.ts";
import { codeOf, systemFailure } from "./system-failure.ts";

/** SQLSTATE classes and codes that another attempt may not meet again. */
const transient = /^(08|53|57P0|58|40001|40P01|40003|55P03|55006|25P03|57014)/;
/** What an earlier statement of the query may have made: tables, columns, functions, types, schemas. */
const missingObjects: ReadonlySet<string> = new Set(["42P01", "42703", "42883", "42704", "3F000", "42P02", "42809"]);

/** What an error of PostgreSQL means, by its SQLSTATE. */
export function postgresFailure(error: unknown): DatabaseFailure {
  const system = systemFailure(error);
  if (system !== null) return system;
  const databaseCode = codeOf(error);
  const { position, detail, hint } = (error instanceof Error ? error : {}) as Readonly<Record<string, unknown>>;
  const more = [detail, hint].filter((text) => typeof text === "string");
  return {
    message: [describeError(error), ...more].join(". "),
    databaseCode,
    kind: databaseCode.startsWith("08") ? "connection" : databaseCode.startsWith("42") ? "syntax" : "database",
    isRetryable: transient.test(databaseCode),
    isMissingObject: missingObjects.has(databaseCode),
    position: typeof position === "string" ? Number(position) - 1 : null,
  };
}
