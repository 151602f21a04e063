import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { scanSql } from "./scan-sql.ts";
import { type SqlDialect, sqlDialects } from "./sql-dialect.ts";
import type { SqlHole, SqlSegment } from "./sql-statement.ts";

/** Holes are written `{…}`, those that give names `{"…}`. */
function holesOf(text: string): readonly SqlHole[] {
  return [...text.matchAll(/\{[^}]*\}/g)].map(({ 0: found, index }) => ({
    start: index,
    end: index + found.length,
    isName: found.startsWith('{"'),
  }));
}

/** Statements in short: `<0>` a value, `<"0>` a name, `<x 0>` a text, `<:a>` a parameter; refused holes with their reason. */
function scan(text: string, dialect: SqlDialect): { statements: string[]; refused: string[]; ignored: number } {
  const { statements, issues, ignored } = scanSql(text, holesOf(text), dialect);
  return {
    statements: statements.map(({ segments }) => segments.map(short).join("")),
    refused: issues.map(({ hole, reason, needsName }) => `${hole} ${needsName ? "name" : reason}`),
    ignored: ignored.length,
  };
}

function short(segment: SqlSegment): string {
  switch (segment.kind) {
    case "code":
      return segment.text;
    case "name":
      return `<"${segment.hole}>`;
    case "value":
      return `<${segment.hole}>`;
    case "text":
      return `<${segment.pieces.map((piece) => (typeof piece === "number" ? piece : JSON.stringify(piece))).join(" ")}>`;
    case "parameter":
      return `<:${segment.name}>`;
  }
}

/** For every dialect the same. */
function expectAll(text: string, statements: readonly string[]): void {
  for (const dialect of sqlDialects) expect(scan(text, dialect)).toEqual({ statements, refused: [], ignored: 0 });
}

describe("values", () => {
  test.each([
    ["SELECT {a}", "SELECT <0>"],
    ["SELECT '{a}'", "SELECT <0>"],
    ["SELECT * FROM t WHERE a = {a} AND b='{b}'", "SELECT * FROM t WHERE a = <0> AND b=<1>"],
    ["SELECT '%{a}%'", `SELECT <"%" 0 "%">`],
    ["SELECT '{a}{b}'", "SELECT <0 1>"],
    ["SELECT 'it''s {a}'''", `SELECT <"it's " 0 "'">`],
    ["SELECT '''{a}'", `SELECT <"'" 0>`],
    ["SELECT f({a},{b})", "SELECT f(<0>,<1>)"],
    ["SELECT 1 LIMIT {n}", "SELECT 1 LIMIT <0>"],
    ["SELECT {a}::int", "SELECT <0>::int"],
    ["SELECT ({a'b})", "SELECT (<0>)"],
    ["SELECT '' || {a}", "SELECT '' || <0>"],
    ["SELECT EXTRACT(day FROM {a}), TRIM(both FROM {b})", "SELECT EXTRACT(day FROM <0>), TRIM(both FROM <1>)"],
    ["SELECT a IS DISTINCT FROM {a}", "SELECT a IS DISTINCT FROM <0>"],
    ["INSERT INTO t (a, b) VALUES ({a}, '{b}')", "INSERT INTO t (a, b) VALUES (<0>, <1>)"],
  ])("%s", (text, expected) => expectAll(text, [expected]));
});

describe("names", () => {
  test.each([
    [`SELECT {"a} FROM {"b}`, `SELECT <"0> FROM <"1>`],
    [`SELECT s.{"a} FROM {"s}.{"t}`, `SELECT s.<"0> FROM <"1>.<"2>`],
    [`CREATE TABLE {"a} (x int)`, `CREATE TABLE <"0> (x int)`],
    [`SELECT {"f}(1)`, `SELECT <"0>(1)`],
  ])("%s", (text, expected) => expectAll(text, [expected]));

  test.each([
    "SELECT * FROM {a}",
    "SELECT * FROM t JOIN {a} ON true",
    "INSERT INTO {a} VALUES (1)",
    "UPDATE {a} SET x = 1",
    "UPDATE t SET {a} = 1",
    "DELETE FROM {a}",
    "SELECT 1 ORDER BY {a}",
    "CREATE TABLE IF NOT EXISTS {a} (x int)",
    "DROP TABLE {a}",
    "SELECT t.{a} FROM t",
    "SELECT {a}.x FROM t",
    "SELECT {a}(1)",
    "SELECT 1 AS {a}",
  ])("%s needs a name", (text) => {
    for (const dialect of sqlDialects) expect(scan(text, dialect).refused).toEqual(["0 name"]);
  });
});

describe("refused", () => {
  test.each([
    ["SELECT t_{a}", "touches"],
    ["SELECT {a}x", "touches"],
    ["SELECT {a}{b}", "touches"],
    ["SELECT 'x'{a}", "touches"],
    ["SELECT {a}'x'", "touches"],
    [`SELECT "{a}"`, "quoted name"],
    [`SELECT '{"a}'`, "remove `| ident`"],
    [`SELECT t_{"a}`, "touches"],
    ["SELECT X'{a}'", "prefix"],
    ["SELECT U&'{a}'", "prefix"],
    ["SELECT '{a}", "has no end"],
  ])("%s", (text, reason) => {
    for (const dialect of sqlDialects) expect(scan(text, dialect).refused[0]).toContain(reason);
  });

  test.each<[SqlDialect, string, string]>([
    ["postgres", "SELECT $$ {a} $$", "between dollar signs"],
    ["postgres", "DO $x$ it's {a} $$ $x$", "between dollar signs"],
    ["postgres", "SELECT E'{a}'", "prefix"],
    ["postgres", "SELECT DATE '{a}'", "write CAST('…' AS date)"],
    ["postgres", "SELECT INTERVAL '{a} days'", "write CAST"],
    ["mysql", "SELECT `{a}`", "quoted name"],
    ["mysql", "SELECT '50\\% {a}'", "has a backslash"],
    ["mysql", "SELECT /*! {a} */", "MySQL runs"],
    ["sqlite", "SELECT [{a}]", "quoted name"],
    ["sqlite", "SELECT `{a}`", "quoted name"],
  ])("by %s: %s", (dialect, text, reason) => {
    expect(scan(text, dialect).refused[0]).toContain(reason);
  });
});

describe("dialects", () => {
  test.each<[SqlDialect, string, string]>([
    ["postgres", "SELECT 'a\\' || {a}", "SELECT 'a\\' || <0>"],
    ["mysql", "SELECT 'a\\' || ', {a}", "SELECT 'a\\' || ', <0>"],
    ["postgres", "SELECT E'a\\' || ', {a}", "SELECT E'a\\' || ', <0>"],
    ["postgres", "SELECT d #>> '{x,y}'", "SELECT d #>> <0>"],
    ["postgres", "SELECT a[{a}], b ? 'k', {a}", "SELECT a[<0>], b ? 'k', <1>"],
    ["postgres", "SELECT $tag$ it's $$ $tag$, {a}", "SELECT $tag$ it's $$ $tag$, <0>"],
    ["sqlite", "SELECT [it's], {a}", "SELECT [it's], <0>"],
    ["mysql", "SELECT `it's`, {a}", "SELECT `it's`, <0>"],
    ["mysql", `SELECT "it's", {a}`, `SELECT "it's", <0>`],
    ["mysql", "SELECT 1--{a}", "SELECT 1--<0>"],
    ["mysql", "SELECT INTERVAL '{a}' DAY", "SELECT INTERVAL <0> DAY"],
  ])("%s: %s", (dialect, text, expected) => {
    expect(scan(text, dialect).statements).toEqual([expected]);
  });

  test.each<[SqlDialect, string, string, number]>([
    ["postgres", "SELECT 1 -- it's {a}\n, {b}", "SELECT 1 -- it's \n, <1>", 1],
    ["postgres", "SELECT /* /* ' */ {a} */ {b}", "SELECT /* /* ' */  */ <1>", 1],
    ["sqlite", "SELECT /* /* ' */ {a}", "SELECT /* /* ' */ <0>", 0],
    ["mysql", "SELECT 1 # it's {a}\n, {b}", "SELECT 1 # it's \n, <1>", 1],
  ])("comments of %s: %s", (dialect, text, expected, ignored) => {
    expect(scan(text, dialect)).toEqual({ statements: [expected], refused: [], ignored });
  });
});

describe("parameters of the query", () => {
  test("are names, numbers and, where the database has them, question marks", () => {
    expectAll("SELECT :a, ':b', $1, x::text, a$1", ["SELECT <:a>, ':b', <:1>, x::text, a$1"]);
    expect(scan("SELECT ?, '?'", "mysql").statements).toEqual(["SELECT <:?>, '?'"]);
    expect(scan("SELECT a ? 'k', s[1:n]", "postgres").statements).toEqual(["SELECT a ? 'k', s[1:n]"]);
  });
});

describe("statements", () => {
  test("end at semicolons; blanks and comments alone are none", () => {
    expectAll(";; SELECT 1;\n-- rest\n;SELECT ';' ; /* ; */ ", ["SELECT 1", "SELECT ';' "]);
    expect(scanSql("-- a\nselect 1; Update t set x=1", [], "postgres").statements).toMatchObject([
      { start: 5, words: ["SELECT"] },
      { start: 15, words: ["UPDATE", "T", "SET", "X"] },
    ]);
  });

  test.each<[SqlDialect, string]>([
    ["sqlite", "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE b SET x = CASE WHEN 1 THEN 2 END; SELECT 1; END"],
    ["mysql", "CREATE PROCEDURE p() BEGIN IF 1 THEN SELECT 1; END IF; CASE 1 WHEN 1 THEN SELECT 2; END CASE; END"],
    ["postgres", "CREATE FUNCTION f() RETURNS int AS $$ BEGIN; RETURN 1; END; $$ LANGUAGE plpgsql"],
    ["postgres", "CREATE RULE r AS ON INSERT TO a DO (INSERT INTO b VALUES (1); SELECT 1)"],
  ])("with a body are one (%s)", (dialect, statement) => {
    expect(scan(`${statement}; SELECT 2`, dialect).statements).toEqual([statement, "SELECT 2"]);
  });
});

test("whatever the text, no hole is lost: it has one place, is refused, or stands in a comment", () => {
  const piece = fc.constantFrom(
    ...["'", '"', "`", "[", "]", "$", "#", "-", "/", "*", "\\", ";", ":", "?", ".", "(", ")", "{", "}", " ", "\n"],
    "{a}",
    '{"n}',
    "a",
    "FROM",
    "$$",
    "--",
    "/*",
    "*/",
    "E'",
    "''",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.constantFrom(...sqlDialects), (pieces, dialect) => {
      const text = pieces.join("");
      const holes = holesOf(text);
      const { statements, issues, ignored } = scanSql(text, holes, dialect);
      const placed = statements.flatMap(({ segments }) =>
        segments.flatMap((segment) => {
          if (segment.kind === "text") return segment.pieces.filter((each) => typeof each === "number");
          return segment.kind === "value" || segment.kind === "name" ? [segment.hole] : [];
        }),
      );
      expect(new Set(placed).size).toBe(placed.length);
      expect(new Set([...placed, ...ignored, ...issues.map(({ hole }) => hole)]).size).toBe(holes.length);
      const code = statements.flatMap(({ segments }) => segments).filter((segment) => segment.kind === "code");
      if (issues.length === 0) for (const { text: left } of code) expect(left).not.toMatch(/\{[^}]*\}/);
    }),
    { numRuns: 2000 },
  );
});
