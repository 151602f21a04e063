import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fieldRows } from "./fields/field-rows.ts";
import { refusedKeys } from "./fields/refused-keys.ts";
import { listFieldPaths } from "./fields/schema-paths.ts";
import { shownElsewhere } from "./fields/shown-elsewhere.ts";
import { runCli } from "./harness/run-cli.ts";

describe("the table of fields", () => {
  test("has a row for each field of the schema, and none for others", () => {
    const shown = new Set([...fieldRows.flatMap((row) => row.shows), ...Object.keys(shownElsewhere)]);
    expect([...shown].toSorted()).toEqual([...listFieldPaths()].toSorted());
  });

  test.each(Object.entries(shownElsewhere))("%s is used in %s", (path, file) => {
    const url = new URL(`../${file}`, import.meta.url);
    expect(existsSync(url), `${file} is there`).toBe(true);
    const name = path.slice(path.lastIndexOf(".") + 1);
    const camel = name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    expect(readFileSync(url, "utf8")).toMatch(new RegExp(`\\b(?:${name}|${camel}(?:Ms|At)?)\\b`));
  });
});

test.each(refusedKeys)("$what is refused by name", async ({ yaml, error }) => {
  const folder = await mkdtemp(join(tmpdir(), "millrace-refused-"));
  const file = join(folder, "dag.yaml");
  await writeFile(file, yaml);
  const { exitCode, stdout, stderr } = await runCli(["validate", file]);
  await rm(folder, { recursive: true });
  expect({ exitCode, said: stdout + stderr }).toEqual({ exitCode: 1, said: expect.stringMatching(error) });
});
