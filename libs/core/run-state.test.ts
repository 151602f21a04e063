import { expect, test } from "vitest";
import { RunDriver } from "#testing/run-driver.ts";
import { referenceRunState } from "#testing/run-reference.ts";
import type { Instance } from "./run-model.ts";
import { computeRunState, isSettled, noInstances } from "./run-state.ts";
import { isTerminal, taskStates } from "./states.ts";

const driver = new RunDriver([{ id: "a" }]);
const { run } = driver;
const blank = driver.get("a");

/** Every subset of the states, failures once exempt and once not. */
function* everyMix(): Generator<readonly Instance[]> {
  const kinds = taskStates.flatMap((state) => {
    const row = { ...blank, state, exempt: false };
    return state === "failed" || state === "upstream_failed" ? [row, { ...row, exempt: true }] : [row];
  });
  for (let mask = 1; mask < 2 ** kinds.length; mask += 1) yield kinds.filter((_, bit) => (mask & (1 << bit)) !== 0);
}

test("the state of a run follows from its instances and flags as the design says, for every mix of states", () => {
  let mixes = 0;
  for (const instances of everyMix()) {
    for (const cancelRequested of [false, true]) {
      for (const everStarted of [false, true]) {
        const counts = { ...noInstances };
        for (const { state } of instances) counts[state] += 1;
        const exemptCount = instances.filter(({ exempt }) => exempt).length;
        const found = computeRunState({ counts, exemptCount, cancelRequested, everStarted });
        const expected = referenceRunState({ ...run, run: { ...run.run, cancelRequested, everStarted }, instances });
        if (found !== expected) expect({ found, instances, cancelRequested, everStarted }).toEqual(expected);
        mixes += 1;
      }
    }
  }
  expect(mixes).toBe(4 * (2 ** 11 - 1));
});

test.each(taskStates)("a run with an instance that is %s is settled only if that is an end", (state) => {
  expect(isSettled({ ...noInstances, success: 3, [state]: 1 })).toBe(isTerminal(state));
});
