import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planDispatch } from "./dispatch-plan.ts";

const instances = fc.array(
  fc.record({
    runKey: fc.nat(5),
    ordinal: fc.nat(),
    generation: fc.constant(1),
    tryNumber: fc.constant(1),
    backend: fc.constant(null),
    isPlaced: fc.constant(false),
    wasDispatched: fc.boolean(),
  }),
  { maxLength: 30 },
);
const workers = fc.uniqueArray(fc.record({ workerKey: fc.nat(20), freeSlots: fc.integer({ min: 0, max: 5 }) }), {
  selector: (worker) => worker.workerKey,
});

describe("planDispatch", () => {
  it("never gives a worker more than its free slots, and fills them in the order picked", () => {
    fc.assert(
      fc.property(instances, workers, (picked, slots) => {
        const planned = planDispatch(picked, slots);
        const total = slots.reduce((sum, worker) => sum + worker.freeSlots, 0);
        expect(planned.map((claim) => claim.instance)).toEqual(picked.slice(0, total));
        for (const { workerKey, freeSlots } of slots) {
          expect(planned.filter((claim) => claim.workerKey === workerKey).length).toBeLessThanOrEqual(freeSlots);
        }
      }),
    );
  });

  it("spreads over the emptiest workers first", () => {
    const picked = [1, 2, 3].map((ordinal) => ({
      runKey: 1,
      ordinal,
      generation: 1,
      tryNumber: 1,
      backend: null,
      isPlaced: false,
      wasDispatched: false,
    }));
    const planned = planDispatch(picked, [
      { workerKey: 1, freeSlots: 1 },
      { workerKey: 2, freeSlots: 3 },
    ]);
    expect(planned.map((claim) => claim.workerKey)).toEqual([2, 2, 1]);
  });
});
