import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { failpointNames } from "#failpoints/failpoint.ts";
import { scenarios } from "./scenarios.ts";

const root = join(import.meta.dirname, "..");

describe("the scenarios", () => {
  it("are in docs/operations/faults.md as they are, and no others", () => {
    const page = readFileSync(join(root, "docs/operations/faults.md"), "utf8");
    const rows = [...page.matchAll(/^\| ([A-Z]\d+) \| (.*?) \|/gm)].map(([, id, title]) => `${id} ${title}`);
    const described = rows.filter((row) => !/^I\d /.test(row));
    expect(described.toSorted()).toEqual(scenarios.map(({ id, title }) => `${id} ${title}`).toSorted());
  });

  it("have ids and DAGs of their own: those of one cluster would meet", () => {
    expect(new Set(scenarios.map(({ id }) => id)).size).toBe(scenarios.length);
  });
});

describe("the failpoints", () => {
  it("are each in one place of the product", () => {
    const files = ["libs", "services"].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
        .filter((path) => path.endsWith(".ts") && !/\.test(?:suite)?\.ts$/.test(path))
        .map((path) => join(root, folder, path)),
    );
    const found = files.flatMap((file) =>
      [...readFileSync(file, "utf8").matchAll(/\bfailpoint\("([a-z_.]+)"\)/g)].map(([, name]) => name),
    );
    expect(found.toSorted()).toEqual([...failpointNames].toSorted());
  });
});
