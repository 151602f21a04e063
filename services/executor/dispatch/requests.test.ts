import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { Assignment } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { Store } from "#ports/store.ts";
import { createClockedStore } from "#testing/clocked-store.ts";
import { startExecutor, toPlan } from "../executor-harness.testsuite.ts";
import { type FakeWorker, patience, refOf } from "../fake-worker.testsuite.ts";

const mebibyte = 2n ** 20n;
/** Fake workers don't beat, and a busy machine is slow. */
const leaseMs = 600_000;

function resources({ cpu = 0, memory = 0n, gpus = 0 }: { cpu?: number; memory?: bigint; gpus?: number }) {
  return { resources: { cpu, memoryBytes: memory * mebibyte, diskBytes: 0n, gpus } };
}

function definition(tasks: readonly string[]): string {
  return `id: sized\ntasks:\n${tasks.map((task) => `  - {type: noop, operator: {}, ${task}}`).join("\n")}\n`;
}

const acksOf = (worker: FakeWorker) => worker.received.filter((message) => message.case === "outcomeAck").length;
const namesOf = (worker: FakeWorker) => worker.assignments.map(({ attempt }) => attempt?.taskId);

describe("an executor, with tasks that ask for resources", () => {
  it("gives an attempt only to a worker that has enough left", async () => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store, { leaseMs });
    const small = executor.connect({ workerId: "small", hello: resources({ cpu: 1, memory: 512n }) });
    await small.heard("welcome");
    const runId = await executor.startRun(
      definition([
        "id: large, priority: 5, resources: {memory: 2Gi}",
        "id: half, priority: 4, resources: {cpu: 0.5}",
        "id: most, priority: 3, resources: {cpu: 0.75, memory: 512Mi}",
        "id: any",
      ]),
    );
    await small.assigned("any");
    expect(new Set(namesOf(small))).toEqual(new Set(["any", "half"]));
    const large = executor.connect({ workerId: "large", hello: resources({ memory: 2048n }) });
    large.succeed(await large.assigned("large"));
    small.succeed(await small.assigned("half"));
    small.succeed(await small.assigned("most"));
    small.succeed(await small.assigned("any"));
    expect(await executor.ended(runId)).toMatchObject({ state: "success" });
    expect(namesOf(large)).toEqual(["large"]);
  });

  it("gives it to no worker that says nothing of its resources, or whose host can't do what it needs", async () => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store, { leaseMs });
    const silent = executor.connect({ workerId: "silent", hello: { hostCapabilities: ["container"] } });
    await silent.heard("welcome");
    await executor.startRun(definition(["id: gpu, priority: 5, resources: {gpus: 1}", "id: any"]));
    await silent.assigned("any");
    expect(namesOf(silent)).toEqual(["any"]);
    const gpu = executor.connect({ workerId: "gpu", hello: resources({ gpus: 1 }) });
    expect(await gpu.assigned("gpu")).toMatchObject({ resources: { gpus: 1 } });
  });

  it("hands on what came free with the slot", async () => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store, { leaseMs });
    const worker = executor.connect({ workerId: "w", hello: resources({ memory: 1024n }) });
    await worker.heard("welcome");
    const sizes = "resources: {memory: 1Gi}";
    const runId = await executor.startRun(
      definition([`id: a, ${sizes}`, `id: b, ${sizes}, dependencies: [a]`, `id: c, ${sizes}, dependencies: [b]`]),
    );
    for (const task of ["a", "b", "c"]) worker.succeed(await worker.assigned(task));
    await executor.ended(runId);
    const riding = worker.received.filter(
      (message) => message.case === "outcomeAck" && message.value.next !== undefined,
    );
    expect(riding).toHaveLength(2);
  });

  it("knows after a reconnect what the worker's attempts have taken, of each that still runs or stops", async () => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store, { leaseMs });
    const size = { hello: resources({ memory: 1024n }) };
    const first = executor.connect({ workerId: "w", ...size });
    await executor.startRun(definition(["id: runs, resources: {memory: 600Mi}"]));
    const running = await first.assigned("runs");
    await first.close();
    const again = executor.connect({ workerId: "w", ...size, held: [refOf(running)] });
    await again.heard("welcome");
    await executor.startRun(
      `id: next\ntasks:\n  - {id: waits, type: noop, operator: {}, priority: 5, resources: {memory: 600Mi}}\n  - {id: any, type: noop, operator: {}}\n`,
    );
    await again.assigned("any");
    expect(namesOf(again)).toEqual(["any"]);
    again.succeed(running);
    await again.assigned("waits");
  });

  it("looks no more when nothing waits, though a full worker has more left than one with a free slot", async () => {
    const { store } = createClockedStore(toPlan);
    let picks = 0;
    const pickQueued: Store["runs"]["pickQueued"] = async (options) => {
      picks += 1;
      await new Promise(setImmediate);
      return store.runs.pickQueued(options);
    };
    const counting: Store = { ...store, runs: { ...store.runs, pickQueued } };
    const executor = await startExecutor(counting, { leaseMs, scanIntervalMs: 3_600_000 });
    const large = executor.connect({ workerId: "large", slots: 1, hello: resources({ memory: 65_536n }) });
    await large.heard("welcome");
    await executor.startRun(`id: holder\ntasks: [{id: hold, type: noop, operator: {}}]\n`);
    await large.assigned("hold");
    const small = executor.connect({ workerId: "small", slots: 2, hello: resources({ memory: 1024n }) });
    await small.heard("welcome");
    for (let turn = 0; turn < 100; turn += 1) await new Promise(setImmediate);
    const before = picks;
    for (let turn = 0; turn < 100; turn += 1) await new Promise(setImmediate);
    expect(picks).toBe(before);
  });

  it("picks for the room of workers that have a slot, not of those that are full", async () => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store, { leaseMs, scanIntervalMs: 3_600_000 });
    const large = executor.connect({ workerId: "large", slots: 1, hello: resources({ memory: 65_536n }) });
    await large.heard("welcome");
    await executor.startRun(`id: holder\ntasks: [{id: hold, type: noop, operator: {}}]\n`);
    await large.assigned("hold");
    const big = Array.from({ length: 30 }, (_, place) => `id: big${place}, priority: 10, resources: {memory: 8Gi}`);
    await executor.startRun(definition([...big, "id: s1", "id: s2"]));
    const small = executor.connect({ workerId: "small", slots: 2, hello: resources({ memory: 1024n }) });
    await Promise.all([small.assigned("s1"), small.assigned("s2")]);
    expect(new Set(namesOf(small))).toEqual(new Set(["s1", "s2"]));
  });

  it("picks anew for what an attempt leaves, and does not go on with what was picked before", async () => {
    const { store } = createClockedStore(toPlan);
    const executor = await startExecutor(store, { leaseMs, scanIntervalMs: 3_600_000 });
    const worker = executor.connect({ workerId: "w", slots: 2, hello: resources({ memory: 1024n }) });
    await worker.heard("welcome");
    await executor.startRun(
      definition([
        "id: first, priority: 9, resources: {memory: 1Gi}",
        "id: second, priority: 9, resources: {memory: 1Gi}",
      ]),
    );
    const plain = [0, 1, 2].map((dag) => {
      const tasks = [0, 1, 2, 3].map((place) => `  - {id: p${place}, type: noop, operator: {}}`);
      return `id: plain${dag}\ntasks:\n${tasks.join("\n")}\n`;
    });
    for (const yaml of plain) await executor.startRun(yaml);
    const first = await worker.assigned("first");
    const ended = new Set([first]);
    for (let count = 0; count < 3; count += 1) {
      const next = await vi.waitFor(
        () => worker.assignments.find((one) => !ended.has(one)) ?? Promise.reject(new Error("nothing came")),
        patience,
      );
      ended.add(next);
      worker.succeed(next);
      await vi.waitFor(() => expect(worker.assignments).toHaveLength(ended.size + 1), patience);
    }
    const before = worker.assignments.length;
    worker.succeed(first);
    await vi.waitFor(() => expect(worker.assignments.length).toBeGreaterThan(before), patience);
    expect(worker.assignments[before]?.attempt?.taskId).toBe("second");
  });

  it("keeps a worker for what small attempts would starve", async () => {
    const { store, advance } = createClockedStore(toPlan);
    const executor = await startExecutor(store, { leaseMs, reserveAfterMs: 50, handOff: false });
    const worker = executor.connect({ workerId: "w", hello: resources({ memory: 1024n }) });
    await worker.heard("welcome");
    const small = Array.from({ length: 12 }, (_, place) => `id: s${place}, priority: 5, resources: {memory: 512Mi}`);
    const runId = await executor.startRun(definition(["id: big, resources: {memory: 1Gi}", ...small]));
    const ended = new Set<Assignment>();
    const sized = () => worker.assignments.filter(({ attempt }) => attempt?.taskId !== "any");
    const end = async (assignment: Assignment | undefined): Promise<void> => {
      if (assignment === undefined) throw new Error("nothing runs");
      ended.add(assignment);
      worker.succeed(assignment);
      await vi.waitFor(() => expect(acksOf(worker)).toBe(ended.size), patience);
    };
    const running = () => sized().filter((one) => !ended.has(one));
    await vi.waitFor(() => expect(running()).toHaveLength(2), patience);
    // Work that asks for nothing goes on: when it has come, whatever else was to come with it has come too.
    while (running().length === 2) {
      await end(running()[0]);
      advance(100);
      const isNext = worker.assignments.length;
      await executor.startRun("id: other\ntasks: [{id: any, type: noop, operator: {}}]\n");
      await vi.waitFor(() => expect(namesOf(worker).lastIndexOf("any")).toBeGreaterThanOrEqual(isNext), patience);
      await end(worker.assignments[namesOf(worker).lastIndexOf("any")]);
    }
    const before = sized().length;
    expect(before).toBeLessThan(small.length);
    worker.beat(running().map(refOf));
    const keptFor = async () =>
      (await store.queries.explain(runId, { ordinal: null, limit: 1 }))?.workers[0]?.reservedFor;
    await vi.waitFor(async () => expect(await keptFor()).toMatchObject({ runId, taskId: "big" }), patience);
    await end(running()[0]);
    await worker.assigned("big");
    expect(sized()[before]?.attempt?.taskId).toBe("big");
  });

  it("never gives a worker more than it has, and places all that some worker could hold", async () => {
    const amount = fc.record({ cpu: fc.integer({ min: 0, max: 4 }), memory: fc.integer({ min: 0, max: 4 }) });
    const worker = fc.record({ cpu: fc.integer({ min: 1, max: 4 }), memory: fc.integer({ min: 1, max: 4 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(amount, { minLength: 1, maxLength: 14 }),
        fc.array(worker, { minLength: 1, maxLength: 3 }),
        fc.infiniteStream(fc.nat(5)),
        async (asked, totals, choices) => {
          await runToEnd(asked, totals, () => choices.next().value ?? 0);
        },
      ),
      { numRuns: 25 },
    );
  });
});

interface Size {
  readonly cpu: number;
  readonly memory: number;
}

/** Ends attempts in a random order until all that fit somewhere have run, holding each worker against what it said. */
async function runToEnd(asked: readonly Size[], totals: readonly Size[], choose: () => number): Promise<void> {
  const { store, advance } = createClockedStore(toPlan);
  const executor = await startExecutor(store, { leaseMs, reserveAfterMs: 20 });
  const workers = totals.map(({ cpu, memory }, place) => ({
    cpu,
    memory,
    fake: executor.connect({ workerId: `w${place}`, slots: 3, hello: resources({ cpu, memory: BigInt(memory) }) }),
    ended: new Set<Assignment>(),
  }));
  const fits = ({ cpu, memory }: Size) => totals.some((total) => cpu <= total.cpu && memory <= total.memory);
  await executor.startRun(
    definition(asked.map(({ cpu, memory }, place) => `id: t${place}${sizeText({ cpu, memory })}`)),
  );
  const wanted = asked.filter(fits).length;
  for (let done = 0; done < wanted; done += 1) {
    const running = await vi.waitFor(() => {
      const all = workers.flatMap((worker) =>
        worker.fake.assignments.filter((one) => !worker.ended.has(one)).map((assignment) => ({ worker, assignment })),
      );
      if (all.length === 0) throw new Error(`${done} of ${wanted} have run, and no worker has another`);
      return all;
    }, patience);
    for (const { cpu, memory, fake, ended } of workers) {
      const held = fake.assignments.filter((one) => !ended.has(one)).map((one) => one.resources);
      expect(held.length).toBeLessThanOrEqual(3);
      expect(held.reduce((sum, one) => sum + (one?.cpu ?? 0), 0)).toBeLessThanOrEqual(cpu);
      expect(held.reduce((sum, one) => sum + Number((one?.memoryBytes ?? 0n) / mebibyte), 0)).toBeLessThanOrEqual(
        memory,
      );
    }
    const chosen = running[choose() % running.length];
    if (chosen === undefined) continue;
    chosen.worker.ended.add(chosen.assignment);
    advance(10);
    chosen.worker.fake.succeed(chosen.assignment);
  }
  await executor.service.stop();
}

function sizeText({ cpu, memory }: Size): string {
  const parts = [...(cpu === 0 ? [] : [`cpu: ${cpu}`]), ...(memory === 0 ? [] : [`memory: ${memory}Mi`])];
  return parts.length === 0 ? "" : `, resources: {${parts.join(", ")}}`;
}
