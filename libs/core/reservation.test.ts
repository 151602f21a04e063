import { expect, test } from "vitest";
import { workerToReserve } from "./reservation.ts";
import { noResources, type ResourceAmounts } from "./resource-amounts.ts";

function worker(workerKey: number, total: Partial<ResourceAmounts>, room: Partial<ResourceAmounts>) {
  return { workerKey, total: { ...noResources, ...total }, room: { ...noResources, ...room } };
}

const wanted = { ...noResources, milliCpus: 2000, memoryBytes: 8 };

test("a worker that could never hold it is not reserved", () => {
  expect(workerToReserve(wanted, [])).toBeNull();
  const small = worker(1, { milliCpus: 1000, memoryBytes: 100 }, { milliCpus: 1000, memoryBytes: 100 });
  expect(workerToReserve(wanted, [small])).toBeNull();
});

test("the worker that lacks the smallest share of what it has is reserved", () => {
  const total = { milliCpus: 4000, memoryBytes: 16 };
  const busy = worker(1, total, { milliCpus: 0, memoryBytes: 16 });
  const nearlyFree = worker(2, total, { milliCpus: 1000, memoryBytes: 4 });
  const free = worker(3, total, total);
  expect(workerToReserve(wanted, [busy, nearlyFree])?.workerKey).toBe(2);
  expect(workerToReserve(wanted, [busy, nearlyFree, free])?.workerKey).toBe(3);
});
