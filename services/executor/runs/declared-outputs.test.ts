import { expect, it, vi } from "vitest";
import { createClockedStore } from "#testing/clocked-store.ts";
import { startExecutor, toPlan } from "../executor-harness.testsuite.ts";
import { patience } from "../fake-worker.testsuite.ts";

const declaring = `id: declaring
tasks:
  - {id: a, type: noop, operator: {}, retries: 3, outputs: {rows: integer}}
  - {id: b, type: noop, operator: {}, dependencies: [a]}
`;

it("fails a success that lacks a declared output, for good, and says which", async () => {
  const { store } = createClockedStore(toPlan);
  const executor = await startExecutor(store);
  const runId = await executor.startRun(declaring);
  const worker = executor.connect({ workerId: "w" });
  worker.succeed(await worker.assigned("a"), [{ key: "row", json: "3" }]);
  expect(await executor.ended(runId)).toMatchObject({ state: "failed" });
  expect(await executor.states(runId)).toEqual({ a: "failed", b: "upstream_failed" });
  const { items } = await store.queries.listInstances(
    { limit: 10, cursor: null, sort: null },
    { runId, dagId: null, states: ["failed"], runningLongerThanMs: null },
  );
  expect(items[0]).toMatchObject({
    errorCode: "invalid_output",
    errorMessage: "the outputs of a are not as declared: `rows` is declared and was not left (required)",
  });
  expect(await store.queries.listOutputs(runId, null)).toEqual([]);
});

it("lets a success pass whose outputs are as declared", async () => {
  const { store } = createClockedStore(toPlan);
  const executor = await startExecutor(store);
  const runId = await executor.startRun(declaring);
  const worker = executor.connect({ workerId: "w" });
  worker.succeed(await worker.assigned("a"), [{ key: "rows", json: "3" }]);
  worker.succeed(await worker.assigned("b"));
  expect(await executor.ended(runId)).toMatchObject({ state: "success" });
});

it("holds each item of a fan-out to the declaration, and what waits without a worker, too", async () => {
  const { store, advance } = createClockedStore(toPlan);
  const executor = await startExecutor(store);
  const runId = await executor.startRun(`id: mixed
tasks:
  - {id: items, type: noop, operator: {}, for_each: "[1, 2]", outputs: {rows: integer}}
  - {id: pause, type: wait, operator: {duration: 1s}, outputs: {rows: integer}}
`);
  const worker = executor.connect({ workerId: "w" });
  worker.succeed(await worker.assigned("items", 1, 0), [{ key: "rows", json: "1" }]);
  worker.succeed(await worker.assigned("items", 1, 1), [{ key: "rows", json: '"1"' }]);
  await vi.waitFor(async () => expect((await executor.run(runId)).state).toBe("failed"), patience);
  advance(1000);
  await vi.waitFor(async () => expect(await executor.states(runId)).toMatchObject({ pause: "failed" }), patience);
});
