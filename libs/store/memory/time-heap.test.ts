import fc from "fast-check";
import { expect, it } from "vitest";
import { TimeHeap } from "./time-heap.ts";

it("gives entries by time, however they came", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), (times) => {
      const heap = new TimeHeap();
      for (const at of times) heap.push({ at });
      const popped: number[] = [];
      for (let entry = heap.pop(); entry !== undefined; entry = heap.pop()) popped.push(entry.at);
      expect(popped).toEqual(times.toSorted((a, b) => a - b));
    }),
  );
});
