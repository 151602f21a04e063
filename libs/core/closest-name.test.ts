import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { closestName } from "./closest-name.ts";

describe("closestName", () => {
  test.each([
    ["dependancies", ["dependencies", "description"], "dependencies"],
    ["retrys", ["retries", "retry"], "retry"],
    ["Extract", ["extract", "extracts"], "extract"],
    ["laod", ["load", "lead"], "load"],
    ["tsak", ["tasks", "task"], "task"],
    ["x", ["y", "long_name"], "y"],
    ["extract", ["transform", "load"], null],
    ["extract", [], null],
    ["extract", ["extract"], null],
    ["", ["a", "abc"], "a"],
  ])("%j among %j is %j", (name, candidates, expected) => {
    expect(closestName(name, candidates)).toBe(expected);
  });

  test("of equally near ones the first is proposed", () => {
    expect(closestName("cat", ["bat", "hat"])).toBe("bat");
  });

  test("agrees with a plain table of distances", () => {
    const word = fc.string({ unit: fc.constantFrom("a", "b", "B", "c", "_"), maxLength: 7 });
    fc.assert(
      fc.property(word, fc.array(word, { maxLength: 6 }), (name, candidates) => {
        const others = candidates.filter((candidate) => candidate !== name);
        const distances = others.map((candidate) => distance(name, candidate));
        const smallest = Math.min(...distances);
        const isNear = smallest < Math.max(1, Math.floor(name.length * 0.4)) + 0.5;
        expect(closestName(name, candidates)).toBe(isNear ? others[distances.indexOf(smallest)] : null);
      }),
      { numRuns: 2000 },
    );
  });

  test("a long name among 10,000 does not take long", () => {
    const candidates = Array.from({ length: 10_000 }, (_, index) => `task_${index}_${"x".repeat(150)}`);
    expect(closestName(`task_77_${"x".repeat(149)}y`, candidates)).toBe(candidates[77]);
  });
});

/** Insertions, deletions, swapped neighbors 1, substitutions 1, or 0.5 when only the case differs. */
function distance(a: string, b: string): number {
  if (a === "" || b === "") return a.length + b.length;
  const [x, y] = [a.at(-1) ?? "", b.at(-1) ?? ""];
  const [shortA, shortB] = [a.slice(0, -1), b.slice(0, -1)];
  const substitution = x === y ? 0 : x.toLowerCase() === y.toLowerCase() ? 0.5 : 1;
  const options = [distance(shortA, b) + 1, distance(a, shortB) + 1, distance(shortA, shortB) + substitution];
  if (a.length > 1 && b.length > 1 && x === b.at(-2) && y === a.at(-2))
    options.push(distance(a.slice(0, -2), b.slice(0, -2)) + 1);
  return Math.min(...options);
}
