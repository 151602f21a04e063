import * as fc from "fast-check";
import { expect, test } from "vitest";
import { initialScanState, type ScanEvent, type ScanState, stepScan } from "./scan-step.ts";

const scanIntervalMs = 30_000;

/** Plays events at times; answers the times at which scans began, and the last state. */
function play(events: readonly (readonly [number, ScanEvent])[], from: ScanState = initialScanState(0)) {
  let state = from;
  const begun: number[] = [];
  for (const [now, event] of events) {
    const [next, begins] = stepScan(state, event, now, scanIntervalMs);
    state = next;
    if (begins) begun.push(now);
  }
  return { begun, state };
}

const timer: ScanEvent = { kind: "timer" };
const hint: ScanEvent = { kind: "hint" };
const scanned: ScanEvent = { kind: "scanned", isPending: false };
const idle = play([
  [0, timer],
  [10, scanned],
]).state;

test("it scans at the start and then at the interval", () => {
  expect(
    play([
      [0, timer],
      [10, scanned],
      [30_009, timer],
      [30_010, timer],
    ]).begun,
  ).toEqual([0, 30_010]);
});

test("a hint is scanned after a quiet moment; more of them move the moment, up to a limit", () => {
  const state = play([[1000, hint]], idle).state;
  expect(state.dueAt).toBe(1060);
  expect(play([[1050, hint]], state).state.dueAt).toBe(1110);

  const steady = Array.from({ length: 40 }, (_, index) => [1000 + index * 10, hint] as const);
  const { begun } = play(steady, idle);
  expect(begun[0]).toBe(1300);
});

test("hints and questions during a scan make one more after it", () => {
  const { begun } = play(
    [
      [1000, { kind: "asked" }],
      [1010, hint],
      [1020, { kind: "asked" }],
      [1500, scanned],
      [1600, scanned],
    ],
    idle,
  );

  expect(begun).toEqual([1000, 1500]);
});

test("missing files are looked for again soon", () => {
  expect(play([[1000, { kind: "scanned", isPending: true }]], { ...idle, isScanning: true }).state.dueAt).toBe(1250);
});

test("after failures it waits longer and longer, never beyond the interval; success forgets them", () => {
  let state: ScanState = { ...idle, isScanning: true };
  const waits = Array.from({ length: 8 }, () => {
    state = { ...stepScan({ ...state, isScanning: true }, { kind: "failed" }, 0, scanIntervalMs)[0] };
    return state.dueAt;
  });

  expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  expect(stepScan({ ...state, isScanning: true }, scanned, 0, scanIntervalMs)[0].failedCount).toBe(0);
});

test("whatever happens, no two scans run at once, every hint is followed by a scan within the limit", () => {
  const kind = fc.constantFrom("timer", "hint", "asked", "end", "fail");
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(200), kind), { maxLength: 80 }), (events) => {
      let state = initialScanState(0);
      let now = 0;
      for (const [waitMs, name] of events) {
        now += waitMs;
        const ends = name === "end" || name === "fail";
        if (ends && !state.isScanning) continue;
        const event: ScanEvent = name === "end" ? scanned : name === "fail" ? { kind: "failed" } : { kind: name };
        const wasScanning = state.isScanning;
        const [next, begins] = stepScan(state, event, now, scanIntervalMs);
        if (begins) expect(wasScanning && !ends).toBe(false);
        if (next.hintedAt !== null && !next.isScanning && name !== "fail") {
          expect(next.dueAt).toBeLessThanOrEqual(Math.max(now, next.hintedAt + 30_000));
        }
        if (name === "hint" && !next.isScanning) expect(next.dueAt).toBeLessThanOrEqual(now + 300);
        state = next;
      }
    }),
  );
});
