import { describe, expect, test } from "vitest";
import {
  type BoundStatement,
  bindStatements,
  type HoleContent,
  type QueryParameters,
  quoteName,
} from "./bind-statement.ts";
import { scanSql } from "./scan-sql.ts";
import type { SqlDialect } from "./sql-dialect.ts";

interface Given {
  readonly dialect?: SqlDialect;
  readonly holes?: readonly HoleContent[];
  readonly parameters?: QueryParameters;
}

/** Each `@` is a hole. */
function bind(text: string, { dialect = "postgres", holes = [], parameters = {} }: Given): readonly BoundStatement[] {
  const places = [...text.matchAll(/@/g)].map(({ index }, place) => ({
    start: index,
    end: index + 1,
    isName: holes[place]?.kind === "name",
  }));
  return bindStatements(scanSql(text, places, dialect).statements, { dialect, holes, parameters });
}

const value = (given: (HoleContent & { kind: "value" })["value"]): HoleContent => ({ kind: "value", value: given });
const name = (given: string): HoleContent => ({ kind: "name", name: given });

describe("bindStatements", () => {
  test("values stand beside the text, in each dialect's own way", () => {
    const text = "SELECT '@', @, 'a @ b' FROM @";
    const holes = [value("it's"), value(5), value([1]), name('t"`x')];
    const values = ["it's", 5, "a [1] b"];
    expect(bind(text, { holes })).toEqual([{ text: 'SELECT $1, $2, $3 FROM "t""`x"', values }]);
    expect(bind(text, { holes, dialect: "sqlite" })).toEqual([{ text: 'SELECT ?, ?, ? FROM "t""`x"', values }]);
    expect(bind(text, { holes, dialect: "mysql" })).toEqual([{ text: 'SELECT ?, ?, ? FROM `t"``x`', values }]);
  });

  test("numbers begin anew in each statement", () => {
    expect(bind("SELECT @; SELECT @", { holes: [value(1), value(null)] })).toEqual([
      { text: "SELECT $1", values: [1] },
      { text: "SELECT $1", values: [null] },
    ]);
  });

  test("parameters come by name, number or in order", () => {
    expect(bind("SELECT :a, :b, :a, @", { holes: [value(9)], parameters: { a: 1, b: "x" } })).toEqual([
      { text: "SELECT $1, $2, $1, $3", values: [1, "x", 9] },
    ]);
    expect(bind("SELECT :a, :a", { dialect: "sqlite", parameters: { a: 1 } })).toEqual([
      { text: "SELECT ?, ?", values: [1, 1] },
    ]);
    expect(bind("SELECT $2, $1", { parameters: ["x", "y"] })[0]).toEqual({ text: "SELECT $1, $2", values: ["y", "x"] });
    expect(bind("SELECT ?; SELECT ?", { dialect: "mysql", parameters: ["x", "y"] })).toEqual([
      { text: "SELECT ?", values: ["x"] },
      { text: "SELECT ?", values: ["y"] },
    ]);
  });

  test.each<[string, Given, string]>([
    ["SELECT :b", { parameters: { a: 1 } }, "the query has :b, but `parameters` has a"],
    ["SELECT :a", {}, "the query has :a, but `parameters` has no values"],
    ["SELECT $3", { parameters: ["x", "y"] }, "the query has $3, but `parameters` is a list of 2"],
    ["SELECT :length", { parameters: ["x"] }, "the query has :length, but"],
    ["SELECT :toString", { parameters: { a: 1 } }, "the query has :toString, but"],
    ["SELECT ?", { dialect: "sqlite", parameters: { a: 1 } }, "the query has ?, but"],
    ["SELECT 1", { parameters: { a: 1 } }, "`parameters` has a value for :a, which the query does not use"],
    ["SELECT $1", { parameters: ["x", "y"] }, "`parameters` has a value for $2, which the query does not use"],
  ])("%s with %j", (text, given, message) => {
    expect(() => bind(text, given)).toThrow(message);
  });
});

describe("quoteName", () => {
  test.each(["", "a\0b", "a\nb", "\u{d800}"])("%j is no name", (given) => {
    expect(() => quoteName(given, "mysql")).toThrow("can't be the name of a table or column");
  });
});
