import { describe, expect, test } from "vitest";
import type { Instance, RunAggregate } from "#core/run-model.ts";
import { RunCache } from "./run-cache.ts";

/** The cache looks at nothing else of a run. */
function runOf(runKey: number, instanceCount: number, endedAt: number | null = null): RunAggregate {
  const instances = Array.from({ length: instanceCount }, (_, ordinal) => ({ ordinal }) as unknown as Instance);
  return { run: { runKey, endedAt }, instances, plan: {} } as unknown as RunAggregate;
}

describe("RunCache", () => {
  test("keeps no more instances than it may, the runs used last", () => {
    const cache = new RunCache(100);
    for (const key of [1, 2, 3]) cache.put(runOf(key, 30));
    cache.get(1);
    cache.put(runOf(4, 30));
    expect([1, 2, 3, 4].map((key) => cache.get(key) !== undefined)).toEqual([true, false, true, true]);
  });

  test("keeps a run that is larger than all of it alone, until the next comes", () => {
    const cache = new RunCache(100);
    cache.put(runOf(1, 50));
    cache.put(runOf(2, 101));
    expect([1, 2].map((runKey) => cache.get(runKey)?.instances.length)).toEqual([undefined, 101]);
    cache.put(runOf(3, 50));
    expect([2, 3].map((runKey) => cache.get(runKey)?.instances.length)).toEqual([undefined, 50]);
  });

  test("a run that ends leaves", () => {
    const cache = new RunCache(100);
    cache.put(runOf(1, 10));
    cache.put(runOf(1, 10, 5));
    expect(cache.get(1)).toBeUndefined();
  });
});
