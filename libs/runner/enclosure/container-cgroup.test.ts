import { expect, test } from "vitest";
import { findContainerCgroup, readContainerCgroup } from "./container-cgroup.ts";

const id = "b17bd1cc0371";
const version1 = [
  "cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0",
  "cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0",
  "cgroup /sys/fs/cgroup/pids cgroup rw,relatime,pids 0 0",
].join("\n");
const version2 = "cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0";
const none = { cpu: null, memory: null, memoryPeak: null, processes: null };

test("the counts of a container are in version 2 where it has no other", () => {
  const cgroups = `0::/system.slice/docker-${id}.scope\n`;
  const mounts = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0";
  const folder = `/sys/fs/cgroup/system.slice/docker-${id}.scope`;
  expect(findContainerCgroup(id, { cgroups, mounts })).toEqual({
    cpu: `${folder}/cpu.stat`,
    memory: `${folder}/memory.current`,
    memoryPeak: `${folder}/memory.peak`,
    processes: `${folder}/pids.current`,
  });
});

test("where both versions are mounted each count comes from the one that has its controller", () => {
  const path = `/libpod_parent/libpod-${id}`;
  const cgroups = `4:memory:${path}\n3:cpu,cpuacct:${path}\n1:pids:/\n0::${path}\n`;
  expect(findContainerCgroup(id, { cgroups, mounts: `${version1}\n${version2}` })).toEqual({
    cpu: `/sys/fs/cgroup/cpu,cpuacct${path}/cpuacct.usage`,
    memory: `/sys/fs/cgroup/memory${path}/memory.usage_in_bytes`,
    memoryPeak: `/sys/fs/cgroup/memory${path}/memory.max_usage_in_bytes`,
    processes: `/sys/fs/cgroup/unified${path}/pids.current`,
  });
});

test.each([
  ["of a process that only has the same number", "0::/user.slice/session-1.scope\n"],
  ["that it shares with others", "4:memory:/\n0::/\n"],
  ["outside of what is seen here", `0::/../libpod-${id}\n`],
  ["that is not mounted here", `7:hugetlb:/libpod-${id}\n`],
  ["of a process that has ended", ""],
])("a cgroup %s is not taken for the container's", (_, cgroups) => {
  expect(findContainerCgroup(id, { cgroups, mounts: `${version1}\n${version2}` })).toEqual(none);
});

test("what is gone tells nothing", () => {
  const nowhere = "/sys/fs/cgroup/nowhere/count";
  expect(readContainerCgroup({ cpu: nowhere, memory: nowhere, memoryPeak: null, processes: nowhere })).toEqual({
    cpuMs: null,
    memoryBytes: null,
    memoryPeakBytes: null,
    processes: null,
  });
});
