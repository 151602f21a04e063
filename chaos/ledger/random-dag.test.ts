import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RandomStream } from "#simulation/world/random.ts";
import { expectedStates } from "./expected-states.ts";
import type { LedgerDag } from "./ledger-dag.ts";
import { randomDag } from "./random-dag.ts";

const options = { id: "d", tasks: 30, failing: 0.2, seconds: 1 };

describe("a random DAG", () => {
  it("is the same for the same seed, and names parents before their children", () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const dag = randomDag(new RandomStream(seed, "dag"), options);
        expect(randomDag(new RandomStream(seed, "dag"), options)).toEqual(dag);
        const known = new Set<string>();
        for (const { id, parents } of dag.tasks) {
          expect(parents.filter((parent) => !known.has(parent))).toEqual([]);
          known.add(id);
        }
      }),
    );
  });
});

describe("the expected end of a task", () => {
  const task = { parents: [], rule: "all_success", ending: "succeeds", seconds: 1 } as const;
  const dag: LedgerDag = {
    id: "d",
    tasks: [
      { ...task, id: "good" },
      { ...task, id: "flaky", ending: "fails_first" },
      { ...task, id: "bad", ending: "fails" },
      { ...task, id: "after_flaky", parents: ["good", "flaky"] },
      { ...task, id: "after_bad", parents: ["good", "bad"] },
      { ...task, id: "below", parents: ["after_bad"] },
      { ...task, id: "cleanup", parents: ["bad", "below"], rule: "all_done" },
    ],
  };

  it("follows from its own and its parents'", () => {
    expect(Object.fromEntries(expectedStates(dag))).toEqual({
      good: "success",
      flaky: "success",
      bad: "failed",
      after_flaky: "success",
      after_bad: "upstream_failed",
      below: "upstream_failed",
      cleanup: "success",
    });
  });
});
