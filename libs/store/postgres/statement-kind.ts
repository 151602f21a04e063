import type { Statement } from "./database.ts";

export type StatementKind = "read" | "write" | "admin";

const kinds = new WeakMap<Statement, StatementKind>();

/** What a statement does, from its text: one that locks or changes rows anywhere is a write, one about tables is admin. */
export function statementKind(statement: Statement): StatementKind {
  const known = kinds.get(statement);
  if (known !== undefined) return known;
  const kind = readKind(statement.text);
  kinds.set(statement, kind);
  return kind;
}

function readKind(text: string): StatementKind {
  if (/^\s*(CREATE|ALTER|DROP|TRUNCATE|VACUUM|ANALYZE|SET|SHOW)\b/.test(text)) return "admin";
  const isWrite = /\b(INSERT INTO|UPDATE|DELETE FROM|MERGE INTO|FOR (NO KEY )?UPDATE|FOR (KEY )?SHARE|NOTIFY)\b/.test(
    text,
  );
  return isWrite ? "write" : "read";
}
