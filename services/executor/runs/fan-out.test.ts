import { describe, expect, it } from "vitest";
import { type Assignment, OutcomeKind } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { Store } from "#ports/store.ts";
import { createClockedStore } from "#testing/clocked-store.ts";
import { openPostgresHarness } from "#testing/postgres-harness.ts";
import { openForTest } from "#testing/store-harness.ts";
import { type ExecutorHarness, startExecutor, toPlan } from "../executor-harness.testsuite.ts";
import { type FakeWorker, refOf } from "../fake-worker.testsuite.ts";

const fanOut = `id: fan
tasks:
  - {id: list, type: bash, operator: {bash_command: ls}}
  - id: each
    type: bash
    dependencies: [list]
    for_each: {items: outputs.list.files, key: item.name, limit: 3}
    retry: {max_retries: 1, delay: 1ms, jitter: 0}
    operator: {bash_command: "cat '{{ item.name }}' # {{ item_index }}"}
    environment: {SIZE: "{{ item.size }}", PLACE: "{{ item_index }}"}
  - id: sum
    type: bash
    dependencies: [each]
    operator: {bash_command: sum}
    environment: {ROWS: "{{ outputs.each.rows }}", TOTAL: "{{ outputs.each.rows | length }}"}
`;

const files = [
  { name: "a.csv", size: 1 },
  { name: "b'; rm -rf .csv", size: 2 },
  { name: "c.csv", size: 3 },
];
const goodFiles = files.map((file, index) => (index === 1 ? { ...file, name: "b.csv" } : file));

interface OpenedStore {
  readonly store: Store;
  /** Lets so much time pass where the clock stands still. */
  readonly advance: (ms: number) => void;
}

const openMemoryStore = (): OpenedStore => createClockedStore(toPlan);
const stores: readonly (readonly [string, () => OpenedStore | Promise<OpenedStore>])[] = [
  ["the memory store", openMemoryStore],
  [
    "PostgreSQL",
    async () => ({ store: (await openForTest(() => openPostgresHarness(toPlan))).store, advance: () => undefined }),
  ],
];

describe.each(stores)("a fan-out on %s", (_name, openStore) => {
  it("makes one instance per element, and its children see the list of what they left", async () => {
    const { executor, worker, runId } = await begin(openStore, fanOut, goodFiles);
    const items = [await item(worker, 0), await item(worker, 1), await item(worker, 2)];
    expect(items.map(({ environment, values }) => ({ ...environment, ...values }))).toEqual([
      { SIZE: "1", PLACE: "0", MILLRACE_VALUE_1: "a.csv" },
      { SIZE: "2", PLACE: "1", MILLRACE_VALUE_1: "b.csv" },
      { SIZE: "3", PLACE: "2", MILLRACE_VALUE_1: "c.csv" },
    ]);
    expect(items[1]?.idempotencyKey).toBe(`${runId}/each/b.csv/1.1`);
    for (const [place, assignment] of [...items.entries()].toReversed()) {
      worker.succeed(assignment, place === 2 ? [] : [{ key: "rows", json: String(place * 10) }]);
    }
    const sum = await worker.assigned("sum");
    expect(sum.environment).toEqual({ ROWS: "[0,10,null]", TOTAL: "3" });
    worker.succeed(sum);
    expect(await executor.ended(runId)).toMatchObject({ state: "success", counts: { success: 3 } });
  });

  it("tries items again on their own, also through an executor that has never seen the list", async () => {
    const { store, advance, executor, worker, runId } = await begin(openStore, fanOut, goodFiles);
    const items = [await item(worker, 0), await item(worker, 1), await item(worker, 2)];
    await executor.service.stop();
    const second = await startExecutor(store, { executorId: "executor-2" });
    const other = second.connect({ workerId: "w", held: items.map(refOf) });
    const [first, ...others] = items;
    for (const assignment of others) other.succeed(assignment, [{ key: "rows", json: "1" }]);
    const attempt = refOf(first ?? expect.unreachable());
    other.send({ case: "outcome", value: { attempt, kind: OutcomeKind.FAILED, errorCode: "timeout" } });
    await other.heard("outcomeAck", ({ accepted }) => accepted);
    advance(1);
    const again = await item(other, 0, 2);
    expect(again.values).toEqual({ MILLRACE_VALUE_1: "a.csv" });
    other.succeed(again, [{ key: "rows", json: "2" }]);
    const sum = await other.assigned("sum");
    expect(sum.environment["ROWS"]).toBe("[2,1,1]");
    other.succeed(sum);
    expect(await second.ended(runId)).toMatchObject({ state: "success" });
  });

  it("of nothing succeeds, and its children see empty lists", async () => {
    const { executor, worker, runId } = await begin(openStore, fanOut, []);
    const sum = await worker.assigned("sum");
    expect(sum.environment).toEqual({ ROWS: "[]", TOTAL: "0" });
    worker.succeed(sum);
    expect(await executor.ended(runId)).toMatchObject({ state: "success" });
  });

  it.each([
    ["no list", { a: 1 }, "`for_each: outputs.list.files` must give a list, not a map"],
    ["too long a list", [1, 2, 3, 4], "gives 4 items, more than its `limit` of 3"],
    ["a key that is no name", files, "gives item 1 a key that can't be used, the text \"b'; rm -rf .csv\""],
    ["two items with one key", [files[0], files[0]], "gives the key a.csv to the items 0 and 1"],
  ])("that gives %s fails the task by name", async (_case, value, message) => {
    const { store, executor, runId } = await begin(openStore, fanOut, value);
    expect(await executor.ended(runId)).toMatchObject({ state: "failed" });
    expect(await executor.states(runId)).toEqual({ list: "success", each: "failed", sum: "upstream_failed" });
    const instance = await store.queries.getInstance(`${runId}__each`);
    expect(instance).toMatchObject({ reason: "render_failed", lastError: expect.stringContaining(message) as unknown });
  });

  it("fails when an item failed for good, and lets the others go on", async () => {
    const { executor, worker, runId } = await begin(openStore, fanOut, goodFiles.slice(0, 2));
    const [bad, good] = [await item(worker, 0), await item(worker, 1)];
    const failed = { kind: OutcomeKind.FAILED, errorCode: "configuration", errorMessage: "no such file" };
    worker.send({ case: "outcome", value: { attempt: refOf(bad), ...failed } });
    await worker.heard("outcomeAck");
    expect(await executor.run(runId)).toMatchObject({ state: "running" });
    worker.succeed(good);
    expect(await executor.ended(runId)).toMatchObject({ state: "failed" });
  });
});

it("a fan-out is skipped as a whole by `when`, and a child that reads its outputs is told so", async () => {
  const yaml = `id: skipped
tasks:
  - {id: list, type: noop, operator: {}, when: "true"}
  - {id: each, type: noop, operator: {}, when: "false", for_each: "[1, 2]", dependencies: [list]}
  - {id: after, type: noop, operator: {}, dependencies: [each], trigger_rule: all_done, environment: {A: "{{ outputs.each.k }}"}}
`;
  const { store } = openMemoryStore();
  const executor = await startExecutor(store);
  const runId = await executor.startRun(yaml);
  const worker = executor.connect({ workerId: "w" });
  worker.succeed(await worker.assigned("list"));
  expect(await executor.ended(runId)).toMatchObject({ state: "failed" });
  expect(await executor.states(runId)).toEqual({ list: "success", each: "skipped", after: "failed" });
  expect(await store.queries.getInstance(`${runId}__after`)).toMatchObject({
    lastError: "the task `each` left no output `k`; it left none",
  });
});

it("what the items left together must fit in an expression", async () => {
  const { store, executor, worker, runId } = await begin(openMemoryStore, fanOut, goodFiles);
  const large = JSON.stringify("x".repeat(6 * 1024 * 1024));
  for (const index of [0, 1, 2]) worker.succeed(await item(worker, index), [{ key: "rows", json: large }]);
  expect(await executor.ended(runId)).toMatchObject({ state: "failed" });
  expect((await store.queries.getInstance(`${runId}__sum`))?.lastError).toMatch(
    /items of task each are together larger/,
  );
});

/** A run whose first task has left this value as `files`. */
async function begin(
  openStore: () => OpenedStore | Promise<OpenedStore>,
  yaml: string,
  value: unknown,
): Promise<OpenedStore & { executor: ExecutorHarness; worker: FakeWorker; runId: string }> {
  const { store, advance } = await openStore();
  const executor = await startExecutor(store);
  const runId = await executor.startRun(yaml);
  const worker = executor.connect({ workerId: "w" });
  worker.succeed(await worker.assigned("list"), [{ key: "files", json: JSON.stringify(value) }]);
  return { store, advance, executor, worker, runId };
}

function item(worker: FakeWorker, mapIndex: number, tryNumber = 1): Promise<Assignment> {
  return worker.assigned("each", tryNumber, mapIndex);
}
