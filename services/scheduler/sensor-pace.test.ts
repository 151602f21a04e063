import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type LookKind, nextPace, nextPollAt } from "./sensor-pace.ts";

const start = { factor: 1, quietCount: 0, failureCount: 0 };

function factorsOf(kinds: readonly LookKind[]): readonly number[] {
  let pace = start;
  return kinds.map((kind) => {
    pace = nextPace(pace, kind);
    return pace.factor;
  });
}

const times = (kind: LookKind, count: number): readonly LookKind[] => Array.from({ length: count }, () => kind);

describe("the pace", () => {
  test("ten looks without a change double the interval, up to eight times; a change brings it back", () => {
    expect(factorsOf(times("quiet", 9)).at(-1)).toBe(1);
    expect([10, 19, 20, 30, 40, 400].map((count) => factorsOf(times("quiet", count)).at(-1))).toEqual([
      2, 2, 4, 8, 8, 8,
    ]);
    for (const kind of ["fired", "awaiting"] as const) {
      expect(factorsOf([...times("quiet", 30), kind, ...times("quiet", 9)]).slice(-10)).toEqual(Array(10).fill(1));
    }
  });

  test("each failure doubles it; what follows the last one begins anew", () => {
    expect(factorsOf([...times("failed", 5), "quiet", "failed"])).toEqual([2, 4, 8, 8, 8, 1, 2]);
    expect(nextPace(nextPace(start, "failed"), "failed").failureCount).toBe(2);
  });
});

describe("the next look", () => {
  const options = fc.record({
    name: fc.string(),
    now: fc.integer({ min: 0, max: 4e12 }),
    intervalMs: fc.integer({ min: 1, max: 1e9 }),
    factor: fc.constantFrom(1, 2, 4, 8),
  });

  test("comes after now, within the interval, on a grid of the sensor's own", () => {
    fc.assert(
      fc.property(options, fc.nat({ max: 1e9 }), (given, later) => {
        const { now, intervalMs, factor } = given;
        const next = nextPollAt(given);
        const stepMs = intervalMs * factor;
        expect(next).toBeGreaterThan(now);
        expect(next - now).toBeLessThanOrEqual(stepMs);
        // Whenever it is asked for, it is a place of the same grid: no drift.
        expect((nextPollAt({ ...given, now: now + later }) - next) % stepMs).toBe(0);
        // A slower grid is part of a faster one.
        expect((next - nextPollAt({ ...given, factor: 1 })) % intervalMs).toBe(0);
      }),
    );
  });

  test("sensors of one interval are spread over it", () => {
    const places = Array.from({ length: 1000 }, (_, place) =>
      nextPollAt({ name: `etl/${place}`, now: 0, intervalMs: 1000, factor: 1 }),
    );
    expect(new Set(places.map((at) => Math.floor(at / 100))).size).toBeGreaterThanOrEqual(10);
  });
});
