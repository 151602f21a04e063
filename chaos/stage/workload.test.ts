import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { LedgerDag } from "../ledger/ledger-dag.ts";
import { startWorkload } from "./workload.ts";

const dag: LedgerDag = {
  id: "one",
  tasks: [{ id: "a", parents: [], rule: "all_success", ending: "succeeds", seconds: null }],
};

/** What a client is told when each of its requests is made twice, and `answer` stands for the gateway. */
async function triggerTwice(answer: (call: number, key: string) => string) {
  const folder = await mkdtemp(join(tmpdir(), "millrace-workload-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  let calls = 0;
  const workload = await startWorkload({
    dags: [dag],
    dagsFolder: folder,
    ledgerFile: join(folder, "ledger"),
    doublesRequests: true,
    client: {
      isKnown: () => Promise.resolve(true),
      trigger: (_, key) => Promise.resolve(answer((calls += 1), key)),
      show: () => Promise.reject(new Error("nothing is shown")),
      diagnose: () => Promise.resolve([]),
    },
  });
  await workload.trigger(1000);
  return { calls, workload };
}

it("asks twice where requests are doubled, and is content with one answer", async () => {
  const { calls, workload } = await triggerTwice((_, key) => `run of ${key}`);
  expect(calls).toBe(2);
  expect([...workload.acknowledged.values()]).toEqual(["run of one-1"]);
  expect(workload.contradictions).toEqual([]);
});

it("tells of a doubled request that has made two runs", async () => {
  const { workload } = await triggerTwice((call) => `run ${call}`);
  expect(workload.contradictions).toEqual(["one-1 was answered with several runs (G6)"]);
});
