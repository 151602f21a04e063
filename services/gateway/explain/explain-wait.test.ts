import { expect, test } from "vitest";
import { noResources } from "#core/resource-amounts.ts";
import type { ExplainedInstance } from "#ports/explanation-facts.ts";
import { explainWait, summarizeRun, type WaitFacts } from "./explain-wait.ts";

const gibibyte = 2 ** 30;
const now = Date.UTC(2026, 0, 31, 12);
const worker = {
  workerId: "w1",
  queues: ["default", "big"],
  slots: 2,
  freeSlots: 1,
  reservedFor: null,
  labels: { zone: "a" },
  operators: ["bash"],
  capabilities: [],
  resources: { milliCpus: 4000, memoryBytes: 8 * gibibyte, diskBytes: 0, gpus: 0 },
  room: { milliCpus: 4000, memoryBytes: 8 * gibibyte, diskBytes: 0, gpus: 0 },
};

const facts: WaitFacts = {
  fullLimits: new Map(),
  run: { runId: "r", state: "running", isPaused: false, isAdmitted: true, needs: [], endedAt: null },
  now,
  instances: [],
  next: null,
  unfinishedCount: 3,
  workers: [worker],
  queueDepths: new Map([["default", 7]]),
};

const waiting: ExplainedInstance = {
  taskId: "t",
  mapIndex: null,
  itemKey: null,
  state: "queued",
  reason: null,
  tryNumber: 0,
  queue: "default",
  operatorType: "bash",
  labels: {},
  capabilities: [],
  requests: noResources,
  needs: [],
  dueAt: null,
  waitsFor: null,
  awaitsEvaluation: false,
  isHeld: false,
  isTaskHeld: false,
  workerId: null,
  startedAt: null,
  itemsTotal: 0,
  itemsEnded: 0,
  parents: [],
};

const needOf = (limit: string, size: number | null) => ({ ordinal: 0, limit, size });

function full(
  limit: string,
  size: number | null,
  runIds: readonly string[],
  taskId: string | null = null,
  used = runIds.length,
): WaitFacts["fullLimits"] {
  const holders = runIds.map((runId) => ({ runKey: 1, runId, taskId, mapIndex: null, takenAt: now }));
  return new Map([[limit, { limit, size, used, holders }]]);
}

const parent = (taskId: string, state: ExplainedInstance["state"]) => ({ taskId, state });
const many = Array.from({ length: 8 }, (_, place) => parent(`p${place}`, "none"));

test.each<[code: string, instance: Partial<ExplainedInstance>, facts: Partial<WaitFacts>, text: string]>([
  [
    "parents",
    { state: "none", parents: [parent("a", "success"), parent("b", "running"), parent("c", "up_for_retry")] },
    {},
    "waits for b (running), c (up_for_retry)",
  ],
  [
    "parents",
    { state: "none", parents: many },
    {},
    "waits for p0 (none), p1 (none), p2 (none), p3 (none), p4 (none) and 3 more",
  ],
  [
    "evaluation",
    { state: "none", awaitsEvaluation: true },
    {},
    "its parents allow it to run; its `when` or `for_each` is being looked at",
  ],
  [
    "stopping",
    { state: "none", awaitsEvaluation: true, isTaskHeld: true },
    {},
    "an attempt of its earlier life is still being stopped; its items are made when that is gone",
  ],
  ["items", { itemsTotal: 9, itemsEnded: 4 }, {}, "4 of its 9 items have ended"],
  [
    "stopping",
    { isHeld: true, workerId: "w1" },
    {},
    "its earlier attempt is still being stopped on worker w1; the next one starts when that is gone",
  ],
  ["deferred", { waitsFor: "a bus" }, {}, "it gave its worker back and waits for a bus"],
  ["deferred", { waitsFor: "executor" }, {}, "it needs no worker; an executor begins its wait at the next look"],
  ["deferred", { waitsFor: "approval" }, {}, "it waits for an answer; `millrace approvals` shows the question"],
  [
    "deferred",
    { waitsFor: "time", dueAt: now + 1500 },
    {},
    "it waits, and goes on at 2026-01-31T12:00:01.500Z, in 2 s",
  ],
  [
    "deferred",
    { waitsFor: "condition", dueAt: now + 1500 },
    {},
    "its `condition` is not true yet; it is looked at again at 2026-01-31T12:00:01.500Z, in 2 s",
  ],
  ["deferred", { waitsFor: "run" }, {}, "it waits for the end of the run that it has triggered"],
  ["deferred", { dueAt: now + 1500 }, {}, "it gave its worker back and goes on at 2026-01-31T12:00:01.500Z, in 2 s"],
  ["no_worker", { queue: "gpu" }, {}, "no live worker takes queue gpu; the workers take big, default"],
  ["no_worker", {}, { workers: [] }, "no live worker takes queue default: no worker is connected"],
  [
    "workers_busy",
    {},
    {
      workers: [
        { ...worker, freeSlots: 0 },
        { ...worker, workerId: "w2", freeSlots: 0 },
      ],
    },
    "no free slot: 4 slots of 2 workers that take queue default are taken, and 7 attempts wait in the queue",
  ],
  [
    "workers_busy",
    { queue: "big" },
    { workers: [{ ...worker, slots: 1, freeSlots: 0 }], queueDepths: new Map([["big", 1]]) },
    "no free slot: 1 slot of 1 worker that takes queue big is taken, and 1 attempt waits in the queue",
  ],
  ["dispatching", {}, {}, "a worker that takes queue default has a free slot; it starts at the next look"],
  [
    "dispatching",
    { dueAt: now - 1 },
    {},
    "a worker that takes queue default has a free slot; it starts at the next look",
  ],
  [
    "retry_due",
    { state: "up_for_retry", tryNumber: 2, dueAt: now + 30_000 },
    {},
    "attempt 2 failed; the next is due at 2026-01-31T12:00:30.000Z, in 30 s",
  ],
  ["retry_due", { state: "up_for_retry", tryNumber: 1, dueAt: now }, {}, "attempt 1 failed; the next is due now"],
  [
    "running",
    { state: "running", tryNumber: 1, workerId: "w1", startedAt: now },
    {},
    "attempt 1 runs on worker w1 since 2026-01-31T12:00:00.000Z",
  ],
  ["items", { state: "running", itemsTotal: 2, itemsEnded: 1 }, {}, "1 of its 2 items have ended"],
  [
    "stopping",
    { state: "skipped", isHeld: true, workerId: "w1" },
    {},
    "it ended skipped; its attempt is still being stopped on worker w1",
  ],
  [
    "ended",
    { state: "upstream_failed", parents: [parent("a", "failed"), parent("b", "success")] },
    {},
    "it never ran: a (failed)",
  ],
  [
    "ended",
    { state: "skipped", reason: "trigger_rule", parents: [parent("a", "skipped")] },
    {},
    "its trigger rule did not hold: a (skipped)",
  ],
  ["ended", { state: "failed", reason: "timed_out" }, {}, "it has ended: failed (timed_out)"],
  ["ended", { state: "success" }, {}, "it has ended: success"],
  [
    "run_limit",
    { state: "none" },
    { run: { ...facts.run, isAdmitted: false, needs: [needOf("runs/7", 1)] }, fullLimits: full("runs/7", 1, ["r1"]) },
    "the DAG has 1 of 1 active runs (`max_active_runs`), by r1",
  ],
  [
    "run_limit",
    { state: "none" },
    {
      run: { ...facts.run, isAdmitted: false, needs: [needOf("key/7/a/b", 2)] },
      fullLimits: full("key/7/a/b", 2, ["r1", "r2"]),
    },
    'the concurrency key "a/b" has 2 of 2 active runs, by r1, r2',
  ],
  [
    "run_limit",
    { state: "none" },
    { run: { ...facts.run, isAdmitted: false, needs: [needOf("runs/7", 1)] } },
    "its DAG has room for another run, and runs that came before go first",
  ],
  ["no_worker", { labels: { zone: "b" } }, {}, "no live worker of queue default has the label zone=b"],
  ["no_worker", { operatorType: "sql" }, {}, "no live worker of queue default has the operator sql"],
  [
    "pool",
    { needs: [needOf("pool/db", null)] },
    { fullLimits: full("pool/db", null, []) },
    "there is no pool db: make it with `millrace pools set db SIZE`",
  ],
  [
    "pool",
    { needs: [needOf("pool/db", null)] },
    { fullLimits: full("pool/db", 1, ["r1"], "load") },
    "pool db is full: 1 of 1 slots are taken, by load of r1",
  ],
  [
    "task_limit",
    { needs: [needOf("tasks/7", 9)] },
    { fullLimits: full("tasks/7", 9, ["r1"], "load", 9) },
    "the DAG has 9 of 9 attempts out (`max_active_tasks`), by load of r1 and 8 more",
  ],
])("%s: %j with %j", (code, instance, given, text) => {
  expect(explainWait({ ...waiting, ...instance }, { ...facts, ...given })).toMatchObject([{ code, text }]);
});

test.each<[text: string, instance: Partial<ExplainedInstance>, facts: Partial<WaitFacts>]>([
  ["a (running), b (none)", { state: "none", parents: [parent("a", "running"), parent("b", "none")] }, {}],
  ["p0 (none), p1 (none), p2 (none), p3 (none), p4 (none)", { state: "none", parents: many }, {}],
  ["a (failed)", { state: "upstream_failed", parents: [parent("a", "failed"), parent("b", "success")] }, {}],
  ["load of r1", { needs: [needOf("pool/db", 1)] }, { fullLimits: full("pool/db", 1, ["r1"], "load", 9) }],
])("names what can be looked at: %s", (text, instance, given) => {
  const [cause] = explainWait({ ...waiting, ...instance }, { ...facts, ...given });
  expect(cause?.heldBy?.map((holder) => holder.text).join(", ")).toBe(text);
  for (const holder of cause?.heldBy ?? []) expect(cause?.text).toContain(holder.text);
});

test("a run that holds a limit is named without a task, a parent with the run that it is of", () => {
  const run = { ...facts.run, isAdmitted: false, needs: [needOf("runs/7", 1)] };
  const [limit] = explainWait({ ...waiting, state: "none" }, { ...facts, run, fullLimits: full("runs/7", 1, ["r1"]) });
  expect(limit?.heldBy).toEqual([{ runId: "r1", taskId: null, mapIndex: null, text: "r1" }]);
  const [parents] = explainWait({ ...waiting, state: "none", parents: [parent("a", "running")] }, facts);
  expect(parents?.heldBy).toEqual([{ runId: "r", taskId: "a", mapIndex: null, text: "a (running)" }]);
});

test("a pause is a cause besides the other, except for what runs", () => {
  const paused = { ...facts, run: { ...facts.run, isPaused: true } };
  const codes = (instance: Partial<ExplainedInstance>) =>
    explainWait({ ...waiting, ...instance }, paused).map(({ code }) => code);
  expect(codes({})).toEqual(["paused", "dispatching"]);
  expect(codes({ state: "none" })).toEqual(["paused", "parents"]);
  expect(codes({ state: "up_for_retry" })).toEqual(["paused", "retry_due"]);
  expect(codes({ state: "running" })).toEqual(["running"]);
});

test.each<[given: Partial<WaitFacts>, text: string]>([
  [{ run: { ...facts.run, state: "failed", endedAt: now } }, "the run has ended: failed"],
  [
    { instances: [{ ...waiting, state: "skipped", isHeld: true }], unfinishedCount: 1 },
    "all tasks have ended; 1 attempt is still being stopped",
  ],
  [{ instances: [waiting] }, "the run is running; 3 task instances have not ended"],
  [
    { instances: [waiting], run: { ...facts.run, isPaused: true }, unfinishedCount: 1 },
    "the run is running, and it is paused; 1 task instance has not ended",
  ],
])("a run in a sentence: %#", (given, text) => {
  expect(summarizeRun({ ...facts, ...given })).toBe(text);
});
