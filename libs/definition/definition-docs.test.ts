import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { dagSchema, parameterSchema, taskBodySchema, taskSchema } from "./schema/definition-schema.ts";
import { allowedKeys } from "./schema/schema-keys.ts";

const page = readFileSync(new URL("../../docs/definitions.md", import.meta.url), "utf8");

/** The keys in the first column of the table below a heading, in its first cell's backquotes. */
function documentedKeys(heading: string): string[] {
  const [, section = ""] = page.split(`## ${heading}\n`);
  const [table = ""] = section.split("\n## ");
  const cells = [...table.matchAll(/^\| (`[^|]*) \|/gm)].map((match) => match[1] ?? "");
  return cells.flatMap((cell) => [...cell.matchAll(/`([a-z_]+)`/g)].map((match) => match[1] ?? ""));
}

describe("docs/definitions.md", () => {
  test.each([
    ["Keys of the DAG", Object.keys(dagSchema.shape)],
    ["Keys of a task", Object.keys(taskSchema.shape)],
    ["Fan-out", allowedKeys(taskBodySchema, ["for_each"])],
  ])("%s: lists the keys that are accepted, and no others", (heading, keys) => {
    expect(new Set(documentedKeys(heading))).toEqual(new Set(keys));
  });

  test.each([
    ["retry", allowedKeys(taskBodySchema, ["retry"])],
    ["a parameter", Object.keys(parameterSchema.shape)],
  ])("names each key of %s", (_place, keys) => {
    for (const key of keys) expect(page).toContain(`\`${key}\``);
  });
});
