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
    "the topic was made anew",
    9,
    0,
    2,
    "it ends at 2 though 9 was reached, so it was made anew; the sensor begins at 0",
  ],
])("%s", (_what, next, first, end, told) => {
  const { places, lost } = findPlaces(stateOf({ "0": next }), [{ partition: 0, first, end }]);
  expect(places).toEqual([{ partition: 0, offset: told === null ? next : first, end }]);
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
      expect(place?.offset).toBe(next >= given.first && next <= given.end ? next : given.first);
    }),
  );
});
