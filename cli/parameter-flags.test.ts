import { describe, expect, test } from "vitest";
import { parseParameterFlags, undeclaredParameters } from "./parameter-flags.ts";

const declared = {
  name: { type: "string" as const },
  count: { type: "integer" as const },
  ratio: { type: "number" as const },
  dry: { type: "boolean" as const },
  days: { type: "array" as const },
  options: { type: "object" as const },
  short_number: { type: null, default: 1000 },
  short_flag: { type: null, default: false },
  short_text: { type: null, default: "eu" },
};

describe("parseParameterFlags", () => {
  test.each([
    ["name=Ada", { name: "Ada" }],
    ["name=a=b", { name: "a=b" }],
    ["name=", { name: "" }],
    ["name=007", { name: "007" }],
    ["count=-7", { count: -7 }],
    ["ratio=1e-3", { ratio: 0.001 }],
    ["dry=true", { dry: true }],
    ['days=["mon",2]', { days: ["mon", 2] }],
    ['options={"a":{"b":1}}', { options: { a: { b: 1 } } }],
    ["short_number=5", { short_number: 5 }],
    ["short_flag=true", { short_flag: true }],
    ["short_text=12", { short_text: "12" }],
    ["unknown=12", { unknown: "12" }],
  ])("reads %s by its declared type", (flag, expected) => {
    expect(parseParameterFlags([flag], declared)).toEqual(expected);
  });

  test("a later flag of the same name wins", () => {
    expect(parseParameterFlags(["count=1", "count=2"], declared)).toEqual({ count: 2 });
  });

  test.each([
    "count",
    "=5",
    "count=1.5",
    "count=",
    "count=9007199254740993",
    "ratio=much",
    "ratio=",
    "dry=yes",
    "days={}",
    "days=[",
    "options=[]",
    "options=null",
  ])("refuses %s and names the parameter", (flag) => {
    expect(() => parseParameterFlags([flag], declared)).toThrow(
      expect.objectContaining({ code: "INVALID_PARAMETERS" }),
    );
  });
});

test("undeclared parameters are named with the closest declared one", () => {
  expect(undeclaredParameters(["name", "coutn", "zzzzzz"], declared)).toEqual([
    "parameter coutn is not declared; did you mean count?",
    "parameter zzzzzz is not declared",
  ]);
});
