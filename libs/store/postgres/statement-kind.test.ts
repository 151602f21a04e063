import { expect, test } from "vitest";
import { statementKind } from "./statement-kind.ts";

test.each([
  ["read", "SELECT 1"],
  ["read", "WITH a AS (SELECT updated_at FROM runs) SELECT * FROM a"],
  ["write", "INSERT INTO a VALUES (1)"],
  ["write", "WITH a AS (UPDATE runs SET x = 1 RETURNING 1) SELECT * FROM a"],
  ["write", "SELECT 1 FROM runs FOR UPDATE SKIP LOCKED"],
  ["write", "SELECT 1 FROM runs FOR NO KEY UPDATE"],
  ["write", "DELETE FROM runs"],
  ["admin", "CREATE TABLE IF NOT EXISTS a (b int)"],
  ["admin", "  DROP TABLE a"],
])("%s: %s", (kind, text) => {
  expect(statementKind({ name: "", text })).toBe(kind);
});
