import { expect, test } from "vitest";
import { noResources, type ResourceAmounts } from "#core/resource-amounts.ts";
import type { ExplainedInstance, LiveWorker } from "#ports/explanation-facts.ts";
import { explainPlacement } from "./explain-placement.ts";

const gibibyte = 2 ** 30;
const amounts = (given: Partial<ResourceAmounts>): ResourceAmounts => ({ ...noResources, ...given });

const asking = (given: Partial<ExplainedInstance>) =>
  ({
    taskId: "t",
    mapIndex: null,
    queue: "default",
    operatorType: "bash",
    labels: {},
    capabilities: [],
    requests: noResources,
    ...given,
  }) as ExplainedInstance;

function worker(workerId: string, given: Partial<LiveWorker> = {}): LiveWorker {
  const resources = amounts({ milliCpus: 4000, memoryBytes: 16 * gibibyte });
  return {
    ...{ workerId, queues: ["default"], slots: 4, freeSlots: 2, labels: {}, operators: ["bash"], capabilities: [] },
    ...{ resources, room: given.resources ?? resources, reservedFor: null, ...given },
  };
}

const small = worker("small", { resources: amounts({ milliCpus: 16_000, memoryBytes: 2 * gibibyte }) });
const busy = worker("busy", { room: amounts({ milliCpus: -500, memoryBytes: 1.5 * gibibyte }) });
const full = worker("full", { freeSlots: 0 });
const since = Date.UTC(2026, 0, 31);
const ofThis = { runId: "r1", taskId: "t", mapIndex: null, reservedAt: since };
const ofOther = { runId: "r2", taskId: "big", mapIndex: 3, reservedAt: since };
const kept = worker("kept", { reservedFor: ofOther });

test.each<[code: string, asked: Partial<ExplainedInstance>, workers: readonly LiveWorker[], text: string]>([
  ["no_worker", { queue: "gpu" }, [small], "no live worker takes queue gpu; the workers take default"],
  [
    "no_worker",
    { capabilities: ["container", "network:none"] },
    [worker("w", { capabilities: ["container"] })],
    "no live worker of queue default has the capability network:none",
  ],
  [
    "too_large",
    { requests: amounts({ memoryBytes: 32 * gibibyte, gpus: 1 }) },
    [small, full],
    "no live worker of queue default could ever hold it: it asks for 32 GiB of memory and 1 gpu, and the most that a worker has is 16 GiB of memory and 0 gpus; ask for less, or start a larger worker",
  ],
  [
    "too_large",
    { requests: amounts({ milliCpus: 8500, memoryBytes: 3 * gibibyte }) },
    [small, busy],
    "no live worker of queue default could ever hold it: it asks for 8.5 cpu and 3 GiB of memory, and no single worker has all of it; ask for less, or start a larger worker",
  ],
  [
    "resources_busy",
    { requests: amounts({ milliCpus: 500, memoryBytes: 4 * gibibyte }) },
    [small, busy, full],
    "running attempts have taken what it needs on queue default: it asks for 0.5 cpu and 4 GiB of memory, and the most that a worker has left is 0 cpu and 1.5 GiB of memory",
  ],
  [
    "workers_busy",
    { requests: amounts({ memoryBytes: 4 * gibibyte }) },
    [small, full],
    "no free slot: 4 slots of 1 worker that takes queue default are taken, and 3 attempts wait in the queue",
  ],
  [
    "reserved",
    { requests: amounts({ milliCpus: 500, memoryBytes: 4 * gibibyte }) },
    [kept, { ...busy, reservedFor: ofThis }],
    "worker busy is kept for it since 2026-01-31T00:00:00.000Z, and begins it when its running attempts have left enough: it asks for 0.5 cpu and 4 GiB of memory, and the most that a worker has left is 0 cpu and 1.5 GiB of memory",
  ],
  [
    "reserved",
    { requests: amounts({ milliCpus: 500 }) },
    [worker("w", { freeSlots: 0, reservedFor: ofThis })],
    "worker w is kept for it since 2026-01-31T00:00:00.000Z, and begins it when its running attempts have left a slot",
  ],
  [
    "workers_reserved",
    { requests: amounts({ milliCpus: 500 }) },
    [kept, busy],
    "worker kept has room for it, and is kept since 2026-01-31T00:00:00.000Z for big[3] of run r2",
  ],
  [
    "workers_reserved",
    {},
    [worker("last-slot", { freeSlots: 1, reservedFor: ofOther })],
    "worker last-slot has room for it, and is kept since 2026-01-31T00:00:00.000Z for big[3] of run r2",
  ],
  ["dispatching", {}, [kept], "a worker that takes queue default has a free slot; it starts at the next look"],
  [
    "dispatching",
    { requests: amounts({ memoryBytes: 2 * gibibyte }) },
    [small, busy],
    "a worker that takes queue default has a free slot; it starts at the next look",
  ],
])("%s: %j", (code, asked, workers, text) => {
  const queueDepths = new Map([["default", 3]]);
  const run = { runId: "r1", state: "queued" as const, isPaused: false, isAdmitted: true, needs: [], endedAt: null };
  const cause = explainPlacement(asking(asked), { run, workers, queueDepths });
  expect(cause).toMatchObject({ code, text });
});
