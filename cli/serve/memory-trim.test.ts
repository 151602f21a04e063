import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decideTrim, type MemoryLook, type TrimState, untrimmed } from "./memory-trim.ts";

const mib = 2 ** 20;
const quiet: MemoryLook = { busyShare: 0, residentBytes: 90 * mib, heapBytes: 50 * mib };
const busy: MemoryLook = { ...quiet, busyShare: 0.5 };

/** At which of the looks memory was given back; what a trim leaves is `floorBytes`. */
function trimsOf(looks: readonly MemoryLook[], floorBytes: number): readonly number[] {
  const found: number[] = [];
  let state: TrimState = untrimmed;
  for (const [place, look] of looks.entries()) {
    const { trims, next } = decideTrim(state, look);
    state = trims ? { ...next, floorBytes } : next;
    if (trims) found.push(place);
  }
  return found;
}

describe("decideTrim", () => {
  test("trims once after the start, at the second quiet look", () => {
    expect(trimsOf([busy, quiet, quiet, quiet, quiet, quiet], 85 * mib)).toEqual([2]);
  });

  test("trims again after work that left garbage, and only when it is over", () => {
    const grown = { ...quiet, residentBytes: 130 * mib };
    expect(trimsOf([quiet, quiet, { ...grown, busyShare: 0.9 }, grown, grown, grown], 85 * mib)).toEqual([1, 4]);
  });

  test("a look that finds work begins the count anew", () => {
    expect(trimsOf([quiet, busy, quiet, busy, quiet, busy], 85 * mib)).toEqual([]);
  });

  test("leaves a heap alone whose collection would take too long", () => {
    const large = { ...quiet, residentBytes: 300 * mib, heapBytes: 250 * mib };
    expect(trimsOf([large, large, large, large], 85 * mib)).toEqual([]);
  });

  test("never trims a busy process, nor twice without growth", () => {
    const look = fc.record({
      busyShare: fc.double({ min: 0, max: 1, noNaN: true }),
      residentBytes: fc.integer({ min: 40 * mib, max: 400 * mib }),
      heapBytes: fc.integer({ min: 5 * mib, max: 300 * mib }),
    });
    fc.assert(
      fc.property(fc.array(look, { maxLength: 60 }), (looks) => {
        let state: TrimState = untrimmed;
        let since: number | null = null;
        for (const one of looks) {
          const { trims, next } = decideTrim(state, one);
          if (trims) {
            expect(one.busyShare).toBeLessThanOrEqual(0.05);
            if (since !== null) expect(one.residentBytes).toBeGreaterThan(since);
          }
          since = trims ? one.residentBytes : since === null ? null : Math.min(since, one.residentBytes);
          state = next;
        }
      }),
    );
  });
});
