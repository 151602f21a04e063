import { spawn } from "node:child_process";
import { expect, onTestFinished, test, vi } from "vitest";
import { noLimits } from "./attempt-limits.ts";
import type { LimitBreach } from "./limit-breach.ts";
import { LimitWatch } from "./limit-watch.ts";
import { listProcesses, residentBytes } from "./process-table.ts";
import { killTree, type ProcessTree, tokenVariable } from "./process-tree.ts";

const mebibyte = 1024 * 1024;
let count = 0;
const patience = { timeout: 15_000, interval: 20 };

/** A process tree without a cgroup, killed with the test. */
function startTree(command: string): ProcessTree & { readonly pid: number } {
  count += 1;
  const token = `watch-${process.pid}-${count}`;
  const env = { PATH: "/usr/bin:/bin", [tokenVariable]: token };
  const { pid = 0 } = spawn("bash", ["-c", command], { detached: true, stdio: "ignore", env });
  const tree = { token, groups: new Set([pid]), cgroup: null, pid };
  onTestFinished(() => killTree(tree));
  return tree;
}

/** Watches the tree with a limit of memory. */
function watch(tree: ProcessTree, memoryBytes: number) {
  const samples: number[] = [];
  const breaches: LimitBreach[] = [];
  const unwatch = new LimitWatch().watch({
    tree,
    directory: "/nowhere",
    limits: { ...noLimits, memoryBytes },
    held: new Set(),
    onSample: (sample) => samples.push(sample.memoryBytes),
    onBreach: (breach) => breaches.push(breach),
  });
  onTestFinished(unwatch);
  return { samples, breaches, unwatch };
}

test("memory that processes share counts once", async () => {
  const tree = startTree(`x=$(head -c 40000000 /dev/zero | tr '\\0' x)
    for i in 1 2 3 4 5 6; do (while :; do sleep 1; done) & done; wait`);
  const resident = () =>
    listProcesses()
      .filter(({ group }) => group === tree.pid)
      .reduce((sum, { pid }) => sum + residentBytes(pid), 0);
  await vi.waitFor(() => expect(resident()).toBeGreaterThan(200 * mebibyte), patience);
  const { samples, breaches } = watch(tree, 150 * mebibyte);

  await vi.waitFor(() => expect(samples.length).toBeGreaterThanOrEqual(3), patience);

  expect(breaches).toEqual([]);
  expect(Math.max(...samples)).toBeLessThan(150 * mebibyte);
});

test("a process that was seen is counted also when it has left its session and lost its parent", async () => {
  const tree = startTree(
    `(setsid bash -c 'sleep 1; x=$(head -c 80000000 /dev/zero | tr "\\0" x); sleep 100' & sleep 0.8); sleep 100`,
  );

  const { breaches } = watch(tree, 60 * mebibyte);

  await vi.waitFor(() => expect(breaches.map(({ code }) => code)).toEqual(["out_of_memory"]), patience);
});

test("nothing is said after the watch was given up", async () => {
  const tree = startTree("sleep 100");
  const { samples, unwatch } = watch(tree, 150 * mebibyte);
  await vi.waitFor(() => expect(samples.length).toBeGreaterThanOrEqual(1), patience);
  unwatch();
  const before = samples.length;
  const other = watch(tree, 150 * mebibyte);
  await vi.waitFor(() => expect(other.samples.length).toBeGreaterThanOrEqual(2), patience);

  expect(samples.length).toBe(before);
});
