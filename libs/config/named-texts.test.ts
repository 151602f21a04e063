import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type NamedTextSources, readNamedTexts } from "./named-texts.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "millrace-named-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function read(sources: Partial<NamedTextSources>): Record<string, string> {
  const all = readNamedTexts({
    environment: {},
    variablePrefix: "X_",
    directory: null,
    configured: {},
    configuredAs: "x",
    ...sources,
  });
  return Object.fromEntries([...all].map(([key, { text, source }]) => [key, `${text} (${source})`]));
}

test("of one name the environment wins over the folder, and that over the configuration", () => {
  writeFileSync(join(directory, "Shop-DB.json"), "from file");
  writeFileSync(join(directory, "other"), "other");
  const configured = { "shop-db": "configured", Rest: "rest" };

  expect(read({ configured })).toEqual({ shop_db: "configured (setting x)", rest: "rest (setting x)" });
  expect(read({ configured, directory })["shop_db"]).toBe(`from file (file ${join(directory, "Shop-DB.json")})`);
  expect(read({ configured, directory, environment: { X_SHOP_DB: "env" } })).toMatchObject({
    shop_db: "env (variable X_SHOP_DB)",
    other: `other (file ${join(directory, "other")})`,
  });
});

test("empty variables, variables of others, hidden files and folders are no names", () => {
  mkdirSync(join(directory, "..data"));
  mkdirSync(join(directory, "folder"));
  writeFileSync(join(directory, "..data", "key"), "k");
  symlinkSync(join("..data", "key"), join(directory, "key"));

  expect(read({ directory, environment: { X_A: "", X_: "x", Y_B: "b" } })).toEqual({
    key: `k (file ${join(directory, "key")})`,
  });
});

test("a folder that is not there is told", () => {
  expect(() => read({ directory: join(directory, "missing") })).toThrow(/the folder .*missing can't be read/);
});
