import fc from "fast-check";
import { expect, test } from "vitest";
import { readByteRange } from "./byte-range.ts";

test.each([
  ["bytes=0-0", 10, { start: 0, end: 1 }],
  ["bytes=2-", 10, { start: 2, end: 10 }],
  ["bytes=-3", 10, { start: 7, end: 10 }],
  ["bytes=-30", 10, { start: 0, end: 10 }],
  ["bytes=4-99", 10, { start: 4, end: 10 }],
  ["bytes= 4 - 5", 10, { start: 4, end: 6 }],
])("%s of %i bytes is a part", (header, size, range) => {
  expect(readByteRange(header, size)).toEqual(range);
});

test.each(["bytes=10-", "bytes=10-12", "bytes=-0"])("%s of 10 bytes is no part", (header) => {
  const range = readByteRange(header, 10);
  expect(range?.start).toBe(range?.end);
});

test.each(["", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-4", "bytes=0-1,3-4", "lines=1-2"])(
  "%j is ignored",
  (header) => {
    expect(readByteRange(header, 10)).toBeNull();
  },
);

test("is always within what there is, and what Array.slice gives", () => {
  fc.assert(
    fc.property(fc.nat(20), fc.nat(25), fc.nat(25), (size, first, length) => {
      const all = Array.from({ length: size }, (_, place) => place);
      const range = readByteRange(`bytes=${first}-${first + length}`, size);
      expect(all.slice(range?.start, range?.end)).toEqual(all.slice(first, first + length + 1));
      const tail = readByteRange(`bytes=-${length}`, size);
      expect(all.slice(tail?.start, tail?.end)).toEqual(length === 0 ? [] : all.slice(-length));
    }),
  );
});
