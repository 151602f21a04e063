import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { attemptDirectories } from "./attempt-directories.ts";
import { noteCgroup, readCgroupNote } from "./cgroup-note.ts";

let dataDir = "";
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "millrace-note-"));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

test("of several notes the last one counts, also a shorter one, and none of an attempt without a cgroup", () => {
  const directories = attemptDirectories(dataDir, "a");
  mkdirSync(directories.base, { recursive: true });
  expect(readCgroupNote(directories)).toBeNull();
  noteCgroup(directories, "/sys/fs/cgroup/millrace-0123456789abcdef");
  noteCgroup(directories, "/sys/fs/cgroup/millrace-1");
  expect(readCgroupNote(directories)).toBe("/sys/fs/cgroup/millrace-1");
  noteCgroup(directories, null);
  expect([readCgroupNote(directories), existsSync(directories.cgroupNote)]).toEqual([null, false]);
});
