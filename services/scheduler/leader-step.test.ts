import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  initialLeaderState,
  type LeaderEffect,
  type LeaderEvent,
  type LeaderState,
  nextTimerAt,
  stepLeader,
} from "./leader-step.ts";

const timing = { leaseMs: 8000, pollingIntervalMs: 5000 };

/** Plays events at times; answers the last state and all effects by name. */
function play(events: readonly (readonly [number, LeaderEvent])[], from: LeaderState = initialLeaderState(0)) {
  let state = from;
  const effects: string[] = [];
  for (const [now, event] of events) {
    const [next, made] = stepLeader(state, event, now, timing);
    state = next;
    effects.push(...made.map((effect) => `${now} ${effect.kind}`));
  }
  return { state, effects };
}

const timer: LeaderEvent = { kind: "timer" };
const granted = (epoch: number): LeaderEvent => ({ kind: "lease_granted", epoch });
const leading = play([
  [0, timer],
  [10, granted(3)],
  [20, { kind: "evaluated", nextInMs: null }],
]).state;

describe("leadership", () => {
  test("it asks for the lease at once, evaluates when it gets it, and renews four times in a lease", () => {
    const { effects } = play([
      [0, timer],
      [10, granted(3)],
      [20, { kind: "evaluated", nextInMs: null }],
      [1999, timer],
      [2000, timer],
      [2010, granted(3)],
      [3999, timer],
      [4000, timer],
    ]);

    expect(effects).toEqual(["0 request_lease", "10 evaluate", "2000 request_lease", "4000 request_lease"]);
  });

  test("a refused one asks again a quarter of a lease later and evaluates nothing", () => {
    const { effects, state } = play([
      [0, timer],
      [10, { kind: "lease_refused" }],
      [1000, { kind: "woken" }],
      [2010, timer],
    ]);

    expect(effects).toEqual(["0 request_lease", "2010 request_lease"]);
    expect(state.epoch).toBeNull();
  });

  test("the lease counts from the sending of the request, and one that is over leads no more", () => {
    const { state, effects } = play(
      [
        [2000, timer],
        [9999, { kind: "woken" }],
        [10_000, { kind: "lease_failed" }],
      ],
      play([[8000, granted(3)]], { ...leading, leaseSentAt: 0 }).state,
    );

    expect(state.epoch).toBeNull();
    expect(effects).not.toContain("9999 evaluate");
  });

  test("an unanswered renewal does not end leadership before the lease does", () => {
    const { state, effects } = play(
      [
        [2000, timer],
        [3000, { kind: "lease_failed" }],
        [7999, { kind: "woken" }],
      ],
      leading,
    );

    expect(state.epoch).toBe(3);
    expect(effects).toContain("7999 evaluate");
  });

  test("a deposed leader asks anew; news of an older epoch change nothing for a newer one", () => {
    const deposed: LeaderEvent = { kind: "deposed", epoch: 3 };

    expect(play([[100, deposed]], leading)).toMatchObject({ state: { epoch: null }, effects: ["100 request_lease"] });
    expect(play([[100, deposed]], { ...leading, epoch: 4, isEvaluating: true }).state.epoch).toBe(4);
  });

  test("a new epoch evaluates again, even if an evaluation of the old one is under way", () => {
    const evaluating = play([[100, { kind: "woken" }]], leading).state;

    const { effects } = play(
      [
        [2000, timer],
        [2010, granted(4)],
        [2020, { kind: "evaluated", nextInMs: 5000 }],
      ],
      evaluating,
    );

    expect(effects).toEqual(["2000 request_lease", "2020 evaluate"]);
  });
});

describe("evaluations", () => {
  test("the next one comes when the next slot is due, at the latest after the polling interval", () => {
    expect(play([[20, { kind: "evaluated", nextInMs: 700 }]], leading).state.nextEvaluationAt).toBe(720);
    expect(play([[20, { kind: "evaluated", nextInMs: 86_400_000 }]], leading).state.nextEvaluationAt).toBe(5020);
  });

  test("one that failed is made again soon, with pauses that grow until one succeeds or something changes", () => {
    const failed: LeaderEvent = { kind: "evaluation_failed" };
    const lasting = { ...leading, leaseEndsAt: 1e9, nextLeaseAt: 1e9 };
    const failAt = (now: number, state: LeaderState, ...between: LeaderEvent[]): LeaderState =>
      play(
        [timer, ...between, failed].map((event) => [now, event] as const),
        state,
      ).state;
    let state = failAt(0, { ...lasting, nextEvaluationAt: 0 });
    const pauses = [state.nextEvaluationAt];
    while (pauses.length < 8) {
      const at = state.nextEvaluationAt;
      state = failAt(at, state);
      pauses.push(state.nextEvaluationAt - at);
    }
    expect(pauses).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    const at = state.nextEvaluationAt;
    expect(failAt(at, state, { kind: "woken" }).nextEvaluationAt).toBe(at + 100);
    const done = play(
      [
        [at, timer],
        [at, { kind: "evaluated", nextInMs: 10 }],
      ],
      state,
    ).state;
    expect(failAt(at + 10, done).nextEvaluationAt).toBe(at + 110);
  });

  test("wakes during one make another at its end, and only one", () => {
    const { effects } = play(
      [
        [100, { kind: "woken" }],
        [110, { kind: "woken" }],
        [120, { kind: "woken" }],
        [130, { kind: "evaluated", nextInMs: null }],
        [140, { kind: "evaluated", nextInMs: null }],
      ],
      leading,
    );

    expect(effects).toEqual(["100 evaluate", "130 evaluate"]);
  });

  test("a long one delays no renewal", () => {
    const { effects } = play(
      [
        [100, { kind: "woken" }],
        [2000, timer],
        [2010, granted(3)],
        [4000, timer],
      ],
      leading,
    );

    expect(effects).toEqual(["100 evaluate", "2000 request_lease", "4000 request_lease"]);
  });
});

describe("stopping", () => {
  test("an idle one releases at once, and only once", () => {
    const { effects } = play(
      [
        [100, { kind: "stop" }],
        [110, { kind: "stop" }],
        [9000, timer],
      ],
      leading,
    );

    expect(effects).toEqual(["100 release_lease"]);
  });

  test("a busy one releases when what is under way has ended, and takes no lease that comes late", () => {
    const { effects, state } = play([
      [0, timer],
      [10, { kind: "stop" }],
      [20, granted(3)],
    ]);

    expect(effects).toEqual(["0 request_lease", "20 release_lease"]);
    expect(state.epoch).toBeNull();
  });
});

test("whatever happens: evaluations belong to a lease that runs, one request at a time, and the timer is ahead", () => {
  const event: fc.Arbitrary<LeaderEvent> = fc.oneof(
    fc.constant(timer),
    fc.constant<LeaderEvent>({ kind: "woken" }),
    fc.integer({ min: 1, max: 3 }).map(granted),
    fc.constantFrom<LeaderEvent>({ kind: "lease_refused" }, { kind: "lease_failed" }, { kind: "evaluation_failed" }),
    fc.option(fc.nat(20_000)).map((nextInMs): LeaderEvent => ({ kind: "evaluated", nextInMs })),
    fc.integer({ min: 1, max: 3 }).map((epoch): LeaderEvent => ({ kind: "deposed", epoch })),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(4000), event), { maxLength: 60 }), (events) => {
      let state = initialLeaderState(0);
      let now = 0;
      for (const [waitMs, next] of events) {
        now += waitMs;
        const wasPending = state.leaseSentAt !== null && !next.kind.startsWith("lease_");
        let effects: readonly LeaderEffect[];
        [state, effects] = stepLeader(state, next, now, timing);
        for (const effect of effects) {
          if (effect.kind === "request_lease") expect(wasPending).toBe(false);
          if (effect.kind === "evaluate") expect(state).toMatchObject({ epoch: effect.epoch, isEvaluating: true });
        }
        if (state.epoch !== null) expect(state.leaseEndsAt).toBeGreaterThan(now);
        expect(nextTimerAt(state, now)).toBeGreaterThanOrEqual(now);
        expect(nextTimerAt(state, now)).toBeLessThanOrEqual(now + 3_600_000);
        const [again, repeated] = stepLeader(state, timer, now, timing);
        expect(repeated).toEqual([]);
        expect(again).toEqual(state);
      }
    }),
  );
});
