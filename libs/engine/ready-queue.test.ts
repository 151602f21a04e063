import fc from "fast-check";
import { expect, test } from "vitest";
import { ReadyQueue } from "./ready-queue.ts";

test("gives what was put in, in that order, whatever its first capacity", () => {
  const steps = fc.array(fc.constantFrom("push", "take"), { maxLength: 200 });
  fc.assert(
    fc.property(fc.nat(5), steps, (capacity, taken) => {
      const queue = new ReadyQueue(new Int32Array(capacity));
      const reference: number[] = [];
      for (const [place, step] of taken.entries()) {
        if (step === "push") {
          queue.push(place);
          reference.push(place);
        } else if (reference.length > 0) {
          expect(queue.take()).toBe(reference.shift());
        }
        expect(queue.size).toBe(reference.length);
      }
    }),
  );
});
