import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { noLimits } from "./attempt-limits.ts";
import { limitCgroup, ranOutOfMemory, ranOutOfProcesses, readCgroupUsage } from "./cgroup-limits.ts";
import { type Controller, delegateControllers } from "./cgroup-support.ts";

/** A folder with the files of a cgroup, as far as a test needs them: not every host has the controllers. */
let cgroup = "";
beforeEach(() => {
  cgroup = mkdtempSync(join(tmpdir(), "millrace-cgroup-"));
});
afterEach(() => {
  rmSync(cgroup, { recursive: true, force: true });
});

const all: ReadonlySet<Controller> = new Set(["memory", "pids", "cpu"] as const);
const put = (files: Readonly<Record<string, string>>) => {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cgroup, name), text);
};
const get = (name: string) => readFileSync(join(cgroup, name), "utf8");
const files = {
  "memory.max": "max",
  "memory.swap.max": "max",
  "memory.oom.group": "0",
  "pids.max": "max",
  "cpu.max": "max 100000",
};

test("limits are written in the kernel's words, and what it took is told", () => {
  put(files);

  const held = limitCgroup(cgroup, { ...noLimits, cpus: 1.5, memoryBytes: 2 ** 29 }, all);

  expect(held).toEqual(all);
  expect(Object.keys(files).map(get)).toEqual([String(2 ** 29), "0", "1", "4096", "150000 100000"]);
});

test("without limits of its own an attempt has that of processes alone", () => {
  put(files);

  expect(limitCgroup(cgroup, noLimits, all)).toEqual(all);
  expect(["memory.max", "cpu.max", "pids.max"].map(get)).toEqual(["max", "max 100000", "4096"]);
});

test("a controller that is not there, or whose file is not, holds nothing", () => {
  put({ "pids.max": "max" });
  const limits = { ...noLimits, memoryBytes: 2 ** 29, cpus: 1 };

  expect(limitCgroup(cgroup, limits, all)).toEqual(new Set(["pids"]));
  expect(limitCgroup(cgroup, limits, new Set())).toEqual(new Set());
});

test("use and events are read; what the kernel does not count is not known", () => {
  expect(readCgroupUsage(cgroup)).toEqual({ cpuMs: null, memoryPeakBytes: null });
  expect([ranOutOfMemory(cgroup), ranOutOfProcesses(cgroup)]).toEqual([false, false]);
  put({ "cpu.stat": "usage_usec 1234567\nuser_usec 1\n", "memory.peak": "4096000\n" });
  put({ "memory.events": "low 0\noom 3\noom_kill 1\n", "pids.events": "max 7\n" });

  expect(readCgroupUsage(cgroup)).toEqual({ cpuMs: 1235, memoryPeakBytes: 4_096_000 });
  expect([ranOutOfMemory(cgroup), ranOutOfProcesses(cgroup)]).toEqual([true, true]);
  put({ "memory.events": "oom 3\noom_kill 0\n", "pids.events": "max 0\n" });
  expect([ranOutOfMemory(cgroup), ranOutOfProcesses(cgroup)]).toEqual([false, false]);
});

describe("controllers", () => {
  test("those that are given away already are used as they are", () => {
    put({ "cgroup.controllers": "cpu io memory pids", "cgroup.subtree_control": "cpu memory pids" });
    expect(delegateControllers(cgroup, true)).toEqual({ controllers: all, missing: null });
    expect(get("cgroup.subtree_control")).toBe("cpu memory pids");
  });

  test("those that are offered are asked for, and a refusal is told", () => {
    put({ "cgroup.controllers": "cpu memory pids", "cgroup.subtree_control": "", "cgroup.procs": "1\n999999\n" });

    const { controllers, missing } = delegateControllers(cgroup, true);

    expect(get("cgroup.subtree_control")).toBe("+memory +pids +cpu");
    expect(controllers).toEqual(new Set());
    expect(missing).toContain("can't give away memory, pids, cpu");
  });

  test("those that version 1 has are missing", () => {
    put({ "cgroup.controllers": "hugetlb", "cgroup.subtree_control": "" });
    expect(delegateControllers(cgroup, true).missing).toBe(`${cgroup} has no controller for memory, pids, cpu`);
  });
});
