import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { measureDisk } from "./disk-use.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-disk-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const signal = new AbortController().signal;
const measure = (bounds: { bytes?: number; entries?: number } = {}) =>
  measureDisk(folder, { bytes: 1e9, entries: 1000, signal, ...bounds });

test("files of all depths count by what they take, a file with two names once, a hole and a link's target not", async () => {
  mkdirSync(join(folder, "a", "b"), { recursive: true });
  writeFileSync(join(folder, "a", "b", "file"), Buffer.alloc(400_000, 1));
  linkSync(join(folder, "a", "b", "file"), join(folder, "second"));
  writeFileSync(join(folder, "hole"), "");
  truncateSync(join(folder, "hole"), 500_000_000);
  symlinkSync("/usr", join(folder, "elsewhere"));

  const { bytes, entries, isWhole } = await measure();

  expect({ entries, isWhole }).toEqual({ entries: 6, isWhole: true });
  expect(bytes).toBeGreaterThanOrEqual(400_000);
  expect(bytes).toBeLessThan(500_000);
});

test("the walk ends at its bounds and says so", async () => {
  for (let index = 0; index < 50; index += 1) writeFileSync(join(folder, `f${index}`), Buffer.alloc(10_000, 1));

  expect(await measure({ entries: 20 })).toMatchObject({ entries: 21, isWhole: false });
  expect(await measure({ bytes: 100_000 })).toMatchObject({ isWhole: false });
  expect(await measureDisk(folder, { bytes: 1e9, entries: 1000, signal: AbortSignal.abort() })).toMatchObject({
    entries: 1,
    isWhole: false,
  });
});

test("a folder that is not there holds nothing", async () => {
  rmSync(folder, { recursive: true });
  expect(await measure()).toEqual({ bytes: 0, entries: 0, isWhole: true });
});
