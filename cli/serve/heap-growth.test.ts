import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { growthPercent } from "./heap-growth.ts";

const mib = 2 ** 20;

describe("growthPercent", () => {
  test.each([
    [0, 200],
    [20 * mib, 200],
    [32 * mib, 130],
    [40 * mib, 100],
    [130 * mib, 30],
    [500 * mib, 30],
  ])("a heap in which %i bytes live may grow by %i percent", (heapBytes, percent) => {
    expect(growthPercent(heapBytes)).toBe(percent);
  });

  test("no heap grows by more than 40 MiB or 30 % of it, and none stays without room", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 32 }), (heapBytes) => {
        const growth = (heapBytes * growthPercent(heapBytes)) / 100;
        const rounding = heapBytes / 20;
        expect(growth).toBeLessThanOrEqual(Math.max(40 * mib, heapBytes * 0.3) + rounding);
        expect(growth).toBeGreaterThanOrEqual(Math.min(2 * heapBytes, 40 * mib) - rounding);
      }),
    );
  });
});
