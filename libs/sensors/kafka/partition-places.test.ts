import fc from "fast-check";
import { expect, test } from "vitest";
import { findPlaces, rememberPlaces } from "./partition-places.ts";

const stateOf = (offsets: Readonly<Record<string, number>>) => new Map<string, unknown>(Object.entries(offsets));

test("it goes on where it was, and a new partition begins at its beginning", () => {
  const ranges = [
    { partition: 0, first: 0, end: 9 },
    { partition: 1, first: 3, end: 9 },
  ];
  expect(findPlaces(stateOf({ "0": 4 }), ranges)).toEqual({
    places: [
      { partition: 0, offset: 4, end: 9 },
      { partition: 1, offset: 3, end: 9 },
    ],
    lost: [],
  });
});

test.each<[what: string, next: number, first: number, end: number, told: string | null]>([
  ["all of it is read", 9, 0, 9, null],
  ["all of it is read and removed since", 9, 9, 9, null],
  ["one message went", 4, 5, 9, "offset 4 went before the sensor read them; it goes on at 5"],
  ["some messages went", 4, 7, 9, "offsets 4 to 6 went before the sensor read them; it goes on at 7"],
  [
    "the log was cut",
    9,
    1,
    2,
    "its log was cut, or the topic made anew: it ends at 2 though 9 was reached; the sensor goes on at 2",
  ],
])("%s", (_what, next, first, end, told) => {
  const { places, lost } = findPlaces(stateOf({ "0": next }), [{ partition: 0, first, end }]);
  expect(places).toEqual([{ partition: 0, offset: Math.min(Math.max(next, first), end), end }]);
  expect(lost).toEqual(told === null ? [] : [{ partition: 0, what: told }]);
});

test("a place is always within the partition, and one that was within stays", () => {
  const range = fc
    .tuple(fc.nat(50), fc.nat(50))
    .map(([first, length]) => ({ partition: 3, first, end: first + length }));
  fc.assert(
    fc.property(range, fc.nat(120), (given, next) => {
      const state = new Map<string, unknown>(rememberPlaces([{ partition: 3, offset: next }]));
      const [place] = findPlaces(state, [given]).places;
      expect(place?.offset).toBe([given.first, next, given.end].toSorted((a, b) => a - b)[1]);
    }),
  );
});

/** What happens to a partition between looks. */
type Happening = { readonly kind: "sent"; readonly count: number } | { readonly kind: "cut"; readonly to: number };

test("no message counts twice, however the log grows and is cut, and a cut is told once", () => {
  const happening = fc.oneof(
    fc.record({ kind: fc.constant("sent" as const), count: fc.nat(4) }),
    fc.record({ kind: fc.constant("cut" as const), to: fc.nat(12) }),
  );
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 20 }), (happenings: readonly Happening[]) => {
      let log: number[] = [];
      let sent = 0;
      let state: ReadonlyMap<string, unknown> = rememberPlaces([{ partition: 0, offset: 0 }]);
      const seen: number[] = [];
      for (const each of happenings) {
        if (each.kind === "cut") log = log.slice(0, each.to);
        else for (let count = 0; count < each.count; count += 1) log.push((sent += 1));
        const range = { partition: 0, first: 0, end: log.length };
        const { places, lost } = findPlaces(state, [range]);
        expect(lost).toHaveLength(Number(state.get("0")) > log.length ? 1 : 0);
        seen.push(...log.slice(places[0]?.offset));
        state = rememberPlaces([{ partition: 0, offset: log.length }]);
        expect(findPlaces(state, [range]).lost).toEqual([]);
      }
      expect(new Set(seen).size).toBe(seen.length);
    }),
  );
});
