import { describe, expect, it } from "vitest";
import { noResources } from "#core/resource-amounts.ts";
import { createHandOff, groupByRun, type Submission } from "./turn.ts";

const anyTask = { queue: "default", backend: null } as never;
const anyInstance = {} as never;

function outcome(runKey: number, ordinal: number, freesSlotOf: number | null = null): Submission {
  return { runKey, event: { kind: "outcome", ordinal, fence: 1, outcome: { kind: "skipped" } }, freesSlotOf };
}

describe("groupByRun", () => {
  it("keeps the order within a run and leaves what is over the limit for later", () => {
    const all = [outcome(1, 0), outcome(2, 0), outcome(1, 1), outcome(1, 2)];
    const { now, later } = groupByRun(all, 2);
    expect([...now.keys()]).toEqual([1, 2]);
    expect(now.get(1)?.map(({ event }) => "ordinal" in event && event.ordinal)).toEqual([0, 1]);
    expect(later).toEqual([all[3]]);
  });
});

describe("createHandOff", () => {
  const open = {
    scope: () => "made_ready" as const,
    accepts: () => true,
    takeSpare: () => null,
    giveBack: () => undefined,
  };

  it("gives as many slots as the submissions free, to the worker that frees them", () => {
    const handOff = createHandOff([outcome(1, 0, 7), outcome(1, 1, 7), outcome(1, 2, 9)], open);
    const given = [1, 2, 3, 4].map(() => handOff?.(anyInstance, anyTask));
    expect(given).toEqual([7, 7, 9, null]);
  });

  it("begins a fresh count each time, because a decision may be made again", () => {
    const submissions = [outcome(1, 0, 7)];
    expect(createHandOff(submissions, open)?.(anyInstance, anyTask)).toBe(7);
    expect(createHandOff(submissions, open)?.(anyInstance, anyTask)).toBe(7);
  });

  it("offers nothing while something else waits, or for no submission", () => {
    expect(createHandOff([outcome(1, 0, 7)], { ...open, scope: () => "nothing" })).toBeUndefined();
    expect(createHandOff([], open)).toBeUndefined();
  });

  it("gives spare slots when the freed ones are given, and begins by giving back those of the run", () => {
    const log: string[] = [];
    const spare = [3, 4];
    const handOff = createHandOff([outcome(1, 0, 7)], {
      ...open,
      takeSpare: (runKey) => {
        log.push(`take for ${runKey}`);
        return spare.shift() ?? null;
      },
      giveBack: (runKey) => void log.push(`give back ${runKey}`),
    });
    expect([1, 2, 3, 4].map(() => handOff?.(anyInstance, anyTask))).toEqual([7, 3, 4, null]);
    expect(log).toEqual(["give back 1", "take for 1", "take for 1", "take for 1"]);
  });

  it("gives no more resources than came free with the slot", () => {
    const amounts = (gpus: number) => ({ ...noResources, gpus });
    const asking = (gpus: number) => ({ queue: "default", backend: null, requests: amounts(gpus) }) as never;
    const freed = [1, 3].map((gpus, ordinal) => ({
      ...outcome(1, ordinal, 7 + ordinal),
      freesResources: amounts(gpus),
    }));
    const handOff = createHandOff([...freed, outcome(1, 2, 9)], open);
    expect([4, 2, 2, 1].map((gpus) => handOff?.(anyInstance, asking(gpus)))).toEqual([null, 8, null, 7]);
    expect(handOff?.(anyInstance, anyTask)).toBe(9);
  });

  it("passes by workers that do not take the task", () => {
    const handOff = createHandOff([outcome(1, 0, 7), outcome(1, 1, 9)], { ...open, accepts: (key) => key === 9 });
    expect(handOff?.(anyInstance, anyTask)).toBe(9);
    expect(handOff?.(anyInstance, anyTask)).toBeNull();
  });
});
