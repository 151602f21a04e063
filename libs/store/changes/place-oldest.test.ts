import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareUrgency, placeOldest, type Urgency } from "./place-oldest.ts";

interface Waiting extends Urgency {
  readonly id: number;
}

const named = (priorities: readonly number[], from = 0): readonly Waiting[] =>
  priorities.map((priority, place) => ({ id: from + place, priority, dagPriority: 0 }));

describe("the oldest of what is picked", () => {
  it("have their places among the others", () => {
    const placed = placeOldest(named([0, 0], 10), named([5, 4, 3, 2]), [0, 3]);
    expect(placed.map(({ id }) => id)).toEqual([10, 0, 1, 11, 2, 3]);
  });

  it("stand behind fewer others than their places", () => {
    const placed = placeOldest(named([0, 0], 10), named([5]), [3, 8]);
    expect(placed.map(({ id }) => id)).toEqual([0, 10, 11]);
  });

  it("stay before their places where the order has them there", () => {
    const placed = placeOldest(named([9, 0], 10), named([5, 4, 3]), [2, 3]);
    expect(placed.map(({ id }) => id)).toEqual([10, 0, 1, 11, 2]);
  });

  it("are all there, once, and never behind another that is less urgent but for the places of their like", () => {
    const priorities = fc.array(fc.integer({ min: -3, max: 3 }), { maxLength: 12 });
    fc.assert(
      fc.property(priorities, priorities, fc.uniqueArray(fc.nat(20), { maxLength: 12 }), (old, rest, asked) => {
        const others = named(rest.toSorted((a, b) => b - a));
        const oldest = named(old, 100);
        const placed = placeOldest(
          oldest,
          others,
          asked.toSorted((a, b) => a - b),
        );
        expect(placed.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(
          [...others, ...oldest].map(({ id }) => id),
        );
        const passedBy = placed.some(
          (one, place) =>
            one.id >= 100 && placed.slice(0, place).some((other) => other.id < 100 && compareUrgency(one, other) < 0),
        );
        expect(passedBy).toBe(false);
      }),
    );
  });
});
