import { describe, expect, it, vi } from "vitest";
import { createClockedStore } from "#testing/clocked-store.ts";
import { startExecutor, toPlan } from "../executor-harness.testsuite.ts";
import { type FakeWorker, patience, refOf } from "../fake-worker.testsuite.ts";

/** Nothing is found by a scan, and nobody is lost. */
const quiet = { scanIntervalMs: 3_600_000, leaseMs: 600_000 };

function plain(dag: number, queue = "default"): string {
  return `id: dag${dag}\ntasks: [{id: a, type: noop, operator: {}, queue: ${queue}}]\n`;
}

async function nextOf(worker: FakeWorker, place: number) {
  return vi.waitFor(() => worker.assignments[place] ?? Promise.reject(new Error(`${place} came`)), patience);
}

describe("a slot that comes free", () => {
  it("of workers that were all busy is seen, also where others have nothing to do", async () => {
    const executor = await startExecutor(createClockedStore(toPlan).store, quiet);
    const [idle, busy] = ["default", "gpu"].map((queue) =>
      executor.connect({ workerId: queue, slots: 1, hello: { queues: [queue] } }),
    );
    await Promise.all([idle?.heard("welcome"), busy?.heard("welcome")]);
    if (busy === undefined) throw new Error("there is no worker");
    for (let dag = 0; dag < 3; dag += 1) await executor.startRun(plain(dag, "gpu"));
    for (let place = 0; place < 2; place += 1) busy.succeed(await nextOf(busy, place));
    expect(await nextOf(busy, 2)).toMatchObject({ attempt: { taskId: "a" } });
  });

  it("is filled once, though its attempt is both reported and released", async () => {
    const { store } = createClockedStore(toPlan);
    let hold: Promise<void> = Promise.resolve();
    const changeRuns: typeof store.runs.changeRuns = async (changes) => {
      await hold;
      return store.runs.changeRuns(changes);
    };
    const executor = await startExecutor({ ...store, runs: { ...store.runs, changeRuns } }, quiet);
    const worker = executor.connect({ workerId: "w", slots: 2 });
    await worker.heard("welcome");
    for (let dag = 0; dag < 12; dag += 1) await executor.startRun(plain(dag));
    await nextOf(worker, 1);
    for (let ended = 0; ended < 4; ended += 1) {
      const assignment = await nextOf(worker, ended);
      let letGo = (): void => undefined;
      hold = new Promise((resolve) => (letGo = resolve));
      worker.succeed(assignment);
      worker.send({ case: "released", value: { attempt: refOf(assignment) } });
      worker.beat([]);
      await new Promise((resolve) => setImmediate(resolve));
      letGo();
      await vi.waitFor(() => expect(worker.assignments.length).toBeGreaterThan(ended + 2), patience);
      expect(worker.assignments.length - (ended + 1)).toBeLessThanOrEqual(2);
    }
  });
});
