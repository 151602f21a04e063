import { describe, expect, test } from "vitest";
import { referenceEnd, referenceRule } from "#testing/run-reference.ts";
import type { EdgeCondition } from "./graph.ts";
import { mapEnd } from "./propagation.ts";
import type { EndKind, TerminalState } from "./states.ts";
import { decideRule, isTainted, rulesThatNeedParents, type TriggerRule, triggerRules } from "./trigger-rule.ts";

const kinds: readonly EndKind[] = ["success", "failed", "upstream_failed", "skipped"];

/** Every multiset of at most `size` ends, as sorted lists. */
function multisets(size: number, from = 0): readonly (readonly EndKind[])[] {
  if (size === 0) return [[]];
  const longer = kinds
    .slice(from)
    .flatMap((kind, place) => multisets(size - 1, from + place).map((rest) => [kind, ...rest]));
  return [[], ...longer];
}

type Counts = readonly [success: number, failed: number, upstreamFailed: number, skipped: number];

function countsOf(ends: readonly EndKind[]): Counts {
  const count = (kind: EndKind): number => ends.filter((end) => end === kind).length;
  return [count("success"), count("failed"), count("upstream_failed"), count("skipped")];
}

test("there are ten rules and 70 multisets of up to four ends", () => {
  expect(triggerRules).toHaveLength(10);
  expect(new Set(multisets(4).map((ends) => ends.join()))).toHaveLength(70);
});

describe.each(triggerRules)("%s", (rule) => {
  test("decides like the table of the specification for up to 4 ends, however many parents still wait", () => {
    for (const ends of multisets(4)) {
      for (let waiting = 0; waiting <= 4; waiting += 1) {
        const found = decideRule(rule, waiting, ...countsOf(ends));
        expect(found, `${ends.join()} and ${waiting} waiting`).toBe(referenceRule(rule, ends, waiting));
      }
    }
  });

  test("is tainted exactly when no end of the waiting parents can make it run", () => {
    for (const ends of multisets(4)) {
      for (let waiting = 0; waiting <= 3; waiting += 1) {
        const futures = multisets(waiting).map((more) =>
          decideRule(rule, waiting - more.length, ...countsOf([...ends, ...more])),
        );
        const found = isTainted(rule, waiting, ...countsOf(ends));
        expect(found, `${ends.join()} and ${waiting} waiting`).toBe(!futures.includes("run"));
      }
    }
  });

  test("never changes its mind: a decision stands whatever the other parents come to", () => {
    for (const ends of multisets(3)) {
      for (let waiting = 1; waiting <= 2; waiting += 1) {
        const now = decideRule(rule, waiting, ...countsOf(ends));
        if (now === "wait") continue;
        for (const more of multisets(waiting)) {
          expect(decideRule(rule, waiting - more.length, ...countsOf([...ends, ...more]))).toBe(now);
        }
      }
    }
  });

  test("waits for nobody when there is nobody", () => {
    expect(decideRule(rule, 0, 0, 0, 0, 0)).toBe("run");
    expect(isTainted(rule, 0, 0, 0, 0, 0)).toBe(false);
  });
});

test("the rules that ask for a certain parent are refused without parents", () => {
  const needy: readonly TriggerRule[] = ["one_success", "one_failed", "none_failed_min_one_success"];
  expect(rulesThatNeedParents).toEqual(new Set(needy));
});

describe("an edge shows its child the parent's end", () => {
  const ends: readonly TerminalState[] = ["success", "failed", "upstream_failed", "skipped"];
  const table: Readonly<Record<EdgeCondition, readonly EndKind[]>> = {
    success: ["success", "failed", "upstream_failed", "skipped"],
    failure: ["skipped", "success", "success", "skipped"],
    completion: ["success", "success", "success", "success"],
  };

  test.each(["success", "failure", "completion"] as const)("on %s", (on) => {
    expect(ends.map((end) => mapEnd(end, on))).toEqual(table[on]);
    expect(ends.map((end) => referenceEnd(end, on))).toEqual(table[on]);
  });

  test("a removed parent counts as skipped", () => {
    expect(mapEnd("removed", "success")).toBe("skipped");
    expect(mapEnd("removed", "failure")).toBe("skipped");
    expect(mapEnd("removed", "completion")).toBe("success");
  });
});
