import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { noLimits } from "./attempt-limits.ts";
import { cgroupPath, createCgroup, isPopulated, removeCgroup, startWithin } from "./cgroup.ts";
import { type CgroupSupport, findCgroupSupport, findHome, homeFor } from "./cgroup-support.ts";

const found = findCgroupSupport({ delegates: false });
const parent = found.parent ?? "";
const presentPlace = () => /^0::(.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8"))?.[1];

describe.skipIf(found.parent === null)("on a host with cgroups", () => {
  const cgroup = cgroupPath(parent, `home-test-${process.pid}`);
  afterEach(() => removeCgroup(cgroup));

  test("what is started within a cgroup is born there, and this process is back where it was", () => {
    const home = findHome(parent) ?? "";
    const before = presentPlace();
    createCgroup(cgroup);

    const within = startWithin(cgroup, home, () => [presentPlace(), isPopulated(cgroup)]);

    expect(within).toEqual([expect.stringContaining(`millrace-home-test-${process.pid}`), true]);
    expect([presentPlace(), isPopulated(cgroup)]).toEqual([before, false]);
  });

  test("this process comes back also when nothing could be started", () => {
    const home = findHome(parent) ?? "";
    const before = presentPlace();
    createCgroup(cgroup);

    const fail = (): never => {
      throw new Error("no such program");
    };
    expect(() => startWithin(cgroup, home, fail)).toThrow("no such program");

    expect([presentPlace(), isPopulated(cgroup)]).toEqual([before, false]);
  });

  test("who looks only, as `doctor` does, goes nowhere", () => {
    expect(found).toMatchObject({ home: null });
  });
});

test("the runner never enters the cgroup of an attempt with limits that could end it", () => {
  const support: CgroupSupport = { parent: "/cgroup", controllers: new Set(), home: "/cgroup/worker", missing: null };
  const none: CgroupSupport = { parent: null, missing: "no cgroup v2 is mounted" };

  expect(homeFor(support, { ...noLimits, diskBytes: 1 })).toBe("/cgroup/worker");
  expect(homeFor(support, { ...noLimits, memoryBytes: 2 ** 30 })).toBeNull();
  expect(homeFor(support, { ...noLimits, cpus: 0.5 })).toBeNull();
  expect(homeFor(none, noLimits)).toBeNull();
});
