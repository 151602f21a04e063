import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasRoom, noResources, roomLeft } from "#core/resource-amounts.ts";
import { planDispatch } from "./dispatch-plan.ts";

const amounts = fc.record({
  milliCpus: fc.nat(3),
  memoryBytes: fc.nat(3),
  diskBytes: fc.constant(0),
  gpus: fc.nat(1),
});
const instances = fc.array(
  fc.record({
    runKey: fc.nat(5),
    ordinal: fc.nat(),
    generation: fc.constant(1),
    tryNumber: fc.constant(1),
    backend: fc.constant(null),
    isPlaced: fc.constant(false),
    wasDispatched: fc.boolean(),
    requests: amounts,
  }),
  { maxLength: 30 },
);
const workers = fc.uniqueArray(
  fc.record({ workerKey: fc.nat(20), freeSlots: fc.integer({ min: 0, max: 5 }), room: amounts }),
  { selector: (worker) => worker.workerKey },
);

describe("planDispatch", () => {
  it("never gives a worker more than its free slots, and fills them in the order picked", () => {
    fc.assert(
      fc.property(instances, workers, (picked, slots) => {
        const planned = planDispatch(
          picked.map(({ requests: _, ...instance }) => instance),
          slots,
        );
        const total = slots.reduce((sum, worker) => sum + worker.freeSlots, 0);
        expect(planned.map((claim) => claim.instance.ordinal)).toEqual(
          picked.slice(0, total).map(({ ordinal }) => ordinal),
        );
        for (const { workerKey, freeSlots } of slots) {
          expect(planned.filter((claim) => claim.workerKey === workerKey).length).toBeLessThanOrEqual(freeSlots);
        }
      }),
    );
  });

  it("never gives a worker more than it has room for, and leaves nothing that has room when the others are given out", () => {
    fc.assert(
      fc.property(instances, workers, (picked, free) => {
        const planned = planDispatch(picked, free);
        const left = free.map(({ workerKey, freeSlots, room }) => {
          const own = planned.filter((claim) => claim.workerKey === workerKey).map(({ instance }) => instance);
          const taken = own.flatMap(({ requests }) => requests ?? []);
          return { slots: freeSlots - own.length, room: roomLeft(room, taken) };
        });
        for (const { slots, room } of left) {
          expect(slots).toBeGreaterThanOrEqual(0);
          expect(hasRoom(room, noResources)).toBe(true);
        }
        const given = new Set(planned.map(({ instance }) => instance));
        for (const instance of picked.filter((one) => !given.has(one)))
          expect(left.some(({ slots, room }) => slots > 0 && hasRoom(room, instance.requests))).toBe(false);
        const best = picked.find(({ requests }) =>
          free.some((one) => one.freeSlots > 0 && hasRoom(one.room, requests)),
        );
        if (best !== undefined) expect(given.has(best)).toBe(true);
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
      { workerKey: 1, freeSlots: 1, room: noResources },
      { workerKey: 2, freeSlots: 3, room: noResources },
    ]);
    expect(planned.map((claim) => claim.workerKey)).toEqual([2, 2, 1]);
  });
});
