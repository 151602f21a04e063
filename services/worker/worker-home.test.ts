import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openWorkerHome } from "./worker-home.ts";

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "millrace-home-"));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

test("the id is made once, and a given one is not kept", () => {
  const first = openWorkerHome(dataDir, null);
  first.release();
  const given = openWorkerHome(dataDir, "mine");
  given.release();
  const again = openWorkerHome(dataDir, null);
  again.release();

  expect(first.workerId).toMatch(/^[A-Za-z0-9_.-]+-[0-9a-f]{8}$/);
  expect([given.workerId, again.workerId]).toEqual(["mine", first.workerId]);
});

test("each start is its own, and knows the incarnations before it", () => {
  const first = openWorkerHome(dataDir, null);
  first.recordIncarnations([`${first.start}.1`]);
  first.recordIncarnations([`${first.start}.1`, `${first.start}.2`]);
  first.release();
  const second = openWorkerHome(dataDir, null);
  second.release();

  expect(first.predecessors).toEqual([]);
  expect(second.predecessors).toEqual([`${first.start}.1`, `${first.start}.2`]);
  expect(second.start).not.toBe(first.start);
});

test("a directory that is in use is refused, and free again after its release", () => {
  const home = openWorkerHome(dataDir, null);

  expect(() => openWorkerHome(dataDir, null)).toThrow(`another worker (process ${process.pid}) uses`);
  home.release();
  openWorkerHome(dataDir, null).release();
});

test.each([
  ["of a process that is gone", { pid: 2 ** 22 + 1, startedTicks: 1 }],
  ["of a process whose pid belongs to another one by now", { pid: process.pid, startedTicks: 1 }],
])("a lock %s is taken over", (_, owner) => {
  openWorkerHome(dataDir, null).release();
  writeFileSync(join(dataDir, "worker", "lock"), JSON.stringify(owner));

  const home = openWorkerHome(dataDir, null);

  expect(JSON.parse(readFileSync(join(dataDir, "worker", "lock"), "utf8"))).toMatchObject({ pid: process.pid });
  home.release();
  expect(existsSync(join(dataDir, "worker", "lock"))).toBe(false);
});

test("a directory that can't be used is named", () => {
  const path = join(dataDir, "file");
  writeFileSync(path, "");
  chmodSync(path, 0o400);

  expect(() => openWorkerHome(path, null)).toThrow(expect.objectContaining({ code: "DATA_DIR_UNUSABLE" }));
});
