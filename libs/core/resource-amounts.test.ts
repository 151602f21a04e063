import fc from "fast-check";
import { expect, test } from "vitest";
import { hasRoom, largestRooms, noResources, type ResourceAmounts, roomLeft, shortagesOf } from "./resource-amounts.ts";

const few = fc.integer({ min: -1, max: 4 });
const amounts: fc.Arbitrary<ResourceAmounts> = fc.record({
  milliCpus: few,
  memoryBytes: few,
  diskBytes: few,
  gpus: few,
});

test("every resource that is short is named, and nothing that just fits", () => {
  const room = { milliCpus: 1000, memoryBytes: 5, diskBytes: 0, gpus: 1 };
  expect(shortagesOf({ milliCpus: 1000, memoryBytes: 6, diskBytes: 1, gpus: 0 }, room)).toEqual([
    "memoryBytes",
    "diskBytes",
  ]);
  expect(hasRoom(room, room)).toBe(true);
});

test("nothing fits where more was taken than there is", () => {
  const room = roomLeft({ ...noResources, gpus: 1 }, [{ ...noResources, gpus: 2 }]);
  expect(room.gpus).toBe(-1);
  expect(hasRoom(room, { ...noResources, gpus: 1 })).toBe(false);
});

test("parts of a processor add up exactly", () => {
  const third = { ...noResources, milliCpus: 100 };
  const room = roomLeft(
    { ...noResources, milliCpus: 1000 },
    Array.from({ length: 9 }, () => third),
  );
  expect(hasRoom(room, third)).toBe(true);
});

test("the largest rooms hold what any of the rooms holds, and none covers another", () => {
  fc.assert(
    fc.property(fc.array(amounts, { maxLength: 6 }), amounts, (rooms, wanted) => {
      const largest = largestRooms(rooms);
      expect(largest.some((room) => hasRoom(room, wanted))).toBe(rooms.some((room) => hasRoom(room, wanted)));
      for (const one of largest) for (const other of largest) expect(one !== other && hasRoom(one, other)).toBe(false);
    }),
  );
});
