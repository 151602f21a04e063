import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { errorCatalog } from "./catalog.ts";

const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
const rows = page.split("\n").filter((line) => /^\| `[A-Z_]+` \|/.test(line));

describe("docs/errors.md", () => {
  test.each(Object.entries(errorCatalog))("has %s as the catalogue does", (code, { kind, retryable, advice }) => {
    expect(rows).toContain(`| \`${code}\` | ${kind} | ${retryable ? "yes" : "no"} | ${advice} |`);
  });

  test("has no code that the catalogue lacks, and none twice", () => {
    const documented = rows.map((row) => /`([A-Z_]+)`/.exec(row)?.[1] ?? "");
    expect([...documented].sort()).toEqual(Object.keys(errorCatalog).sort());
  });
});

test.each(Object.entries(errorCatalog))("the advice of %s is a sentence", (_code, { advice }) => {
  expect(advice).toMatch(/^[A-Z].*\.$/);
});
