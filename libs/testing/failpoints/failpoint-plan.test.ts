import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failpointNames } from "#failpoints/failpoint.ts";
import { type FailpointAction, formatPlan, parsePlan } from "./failpoint-plan.ts";

describe("a plan of failures", () => {
  it("comes through its text unchanged", () => {
    const action = fc.oneof<fc.Arbitrary<FailpointAction>[]>(
      fc.constant({ kind: "kill" }),
      fc.constant({ kind: "error" }),
      fc.record({ kind: fc.constant("pause"), ms: fc.nat(10_000) }),
    );
    const failure = fc.record({
      name: fc.constantFrom(...failpointNames),
      action,
      hit: fc.integer({ min: 1, max: 99 }),
    });
    fc.assert(
      fc.property(fc.array(failure), (plan) => {
        expect(parsePlan(formatPlan(plan))).toEqual(plan);
      }),
    );
  });

  it.each(["nowhere=kill@1", "run_change.after=kill", "run_change.after=kill@0", "run_change.after=explode@1"])(
    "is refused when it is %s",
    (text) => {
      expect(() => parsePlan(text)).toThrow(`${text} is no planned failure`);
    },
  );
});
