import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { noResources } from "#core/resource-amounts.ts";
import type { PickedInstance } from "#ports/queued-instance.ts";
import { createManualClock } from "#testing/manual-clock.ts";
import { PickedAhead } from "./picked-ahead.ts";

const work = "default";

function instance(runKey: number, more: Partial<PickedInstance> = {}): PickedInstance {
  const place = { runKey, ordinal: 0, generation: 1, tryNumber: 1 };
  return { ...place, backend: null, isPlaced: false, wasDispatched: false, ...more };
}

function setUp(runKeys: readonly number[], { isCut = true, pickMs = 5 } = {}) {
  const clock = createManualClock();
  const ahead = new PickedAhead(clock);
  clock.advance(pickMs);
  const all = runKeys.map((runKey) => instance(runKey));
  ahead.put(work, all, { since: 0, isCut });
  const take = (room = noResources): number | undefined => ahead.take(work, room)?.runKey;
  return { clock, ahead, take };
}

describe("what was picked ahead", () => {
  it("is taken best first, once each", () => {
    const { take } = setUp([3, 1, 2]);
    expect([take(), take(), take(), take()]).toEqual([3, 1, 2, undefined]);
  });

  it("is for workers that take that work, and for one of them alone", () => {
    const { ahead, take } = setUp([1]);
    ahead.put("other", [instance(1), instance(2)], { since: 0, isCut: false });
    expect(ahead.take("nobody's", noResources)).toBeNull();
    expect(take()).toBe(1);
    expect(ahead.take("other", noResources)?.runKey).toBe(2);
  });

  it("is passed by where it asks for more than the worker has left", () => {
    const { ahead, take } = setUp([]);
    const big = instance(1, { requests: { ...noResources, milliCpus: 2000 } });
    ahead.put(work, [big, instance(2)], { since: 0, isCut: false });
    expect(take({ ...noResources, milliCpus: 1000 })).toBe(2);
    expect(take({ ...noResources, milliCpus: 2000 })).toBe(1);
  });

  it.each([
    { pickMs: 1, freshMs: 50 },
    { pickMs: 10, freshMs: 200 },
    { pickMs: 100, freshMs: 500 },
  ])("is used for $freshMs ms since a pick of $pickMs ms began", ({ pickMs, freshMs }) => {
    const { clock, take } = setUp([1, 2], { pickMs });
    clock.advance(freshMs - pickMs);
    expect(take()).toBe(1);
    clock.advance(1);
    expect(take()).toBeUndefined();
  });

  it("is nothing after a pick so slow that it would be old at once", () => {
    const { ahead, take } = setUp([1, 2], { pickMs: 251 });
    expect([take(), ahead.wanted(work, 8)]).toEqual([undefined, 0]);
  });

  it("stays where a pick found something for free slots alone, but what is claimed meanwhile", () => {
    const { clock, ahead, take } = setUp([1, 2, 3]);
    ahead.claim(instance(1));
    ahead.put(work, [], { since: clock.now(), isCut: true });
    expect([take(), ahead.isTaken(instance(1)), ahead.isTaken(instance(3))]).toEqual([2, true, false]);
  });

  it("is forgotten with the last worker that it is for", () => {
    const { ahead, take } = setUp([1]);
    ahead.keepOnly(new Set(["other"]));
    expect(take()).toBeUndefined();
  });

  it("is not used while other executors take it too, and nothing more is picked ahead for a while, longer each time", () => {
    const { clock, ahead, take } = setUp([1, 2]);
    ahead.noteRival();
    expect([ahead.hasRivals, take(), ahead.wanted(work, 4)]).toEqual([true, undefined, 0]);
    clock.advance(1000);
    expect(ahead.hasRivals).toBe(false);
    ahead.noteRival();
    clock.advance(1999);
    expect(ahead.hasRivals).toBe(true);
    clock.advance(60_002);
    ahead.noteRival();
    clock.advance(1000);
    expect(ahead.hasRivals).toBe(false);
  });
});

describe("a pick ahead", () => {
  it("is wanted when half is used or it grows old, as long as more waits", () => {
    const { clock, ahead, take } = setUp([1, 2, 3, 4]);
    expect(ahead.wanted(work, 8)).toBe(0);
    take();
    expect(ahead.wanted(work, 8)).toBe(0);
    take();
    expect(ahead.wanted(work, 8)).toBe(32);
    ahead.put(work, [instance(5), instance(6), instance(7)], { since: clock.now(), isCut: true });
    expect(ahead.wanted(work, 8)).toBe(0);
    clock.advance(26);
    expect(ahead.wanted(work, 8)).toBe(32);
    expect(ahead.wanted(work, 1000)).toBe(256);
  });

  it("is not wanted where nothing waits beyond the slots", () => {
    const { clock, ahead } = setUp([], { isCut: false });
    clock.advance(1000);
    expect(ahead.wanted(work, 8)).toBe(0);
  });

  it("leaves out whatever is taken and not written at any time while it runs", async () => {
    const steps = fc.array(
      fc.record({ runKey: fc.integer({ min: 0, max: 9 }), step: fc.constantFrom("take", "settle") }),
    );
    await fc.assert(
      fc.asyncProperty(steps, fc.nat({ max: 20 }), async (moves, begins) => {
        const { ahead } = setUp([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        const out = new Set<number>();
        const hidden = new Set<number>();
        const move = ({ runKey, step }: (typeof moves)[number]): void => {
          if (step === "settle" && out.delete(runKey)) ahead.settle(instance(runKey));
          if (step !== "take") return;
          const taken = ahead.take(work, noResources);
          if (taken !== null) out.add(taken.runKey);
          for (const one of out) hidden.add(one);
        };
        for (const one of moves.slice(0, begins)) move(one);
        hidden.clear();
        for (const one of out) hidden.add(one);
        const { instances } = await ahead.without(async () => {
          for (const one of moves.slice(begins)) move(one);
          return { instances: [...Array(10).keys()].map((runKey) => instance(runKey)) };
        });
        expect(instances.filter(({ runKey }) => hidden.has(runKey))).toEqual([]);
        expect(instances.length + hidden.size).toBe(10);
      }),
    );
  });
});
