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

  test("does not keep a run that is larger than all of it, nor what it knew of it before", () => {
    const cache = new RunCache(100);
    cache.put(runOf(1, 50));
    cache.put(runOf(1, 101));
    expect(cache.get(1)).toBeUndefined();
  });

  test("a run that ends leaves", () => {
    const cache = new RunCache(100);
    cache.put(runOf(1, 10));
    cache.put(runOf(1, 10, 5));
    expect(cache.get(1)).toBeUndefined();
  });
});
