import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { buildPackage } from "./build-package.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-build-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ["other files", { "notes.txt": "mine" }],
  ["another package", { "package.json": '{"name": "other"}' }],
  ["the checkout itself", { "package.json": '{"name": "millrace", "private": true}' }],
])("a folder with %s is refused and left alone", async (_, files: Readonly<Record<string, string>>) => {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  await expect(buildPackage(folder)).rejects.toThrow(`${folder} holds something else than an older package`);
  expect(readdirSync(folder)).toEqual(Object.keys(files));
  for (const [name, text] of Object.entries(files)) expect(readFileSync(join(folder, name), "utf8")).toBe(text);
});
