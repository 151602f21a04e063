import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { checkRunInvariants } from "#testing/run-invariants.ts";
import { plantedBugs } from "./planted/planted-bugs.ts";
import { findPlanted } from "./planted/plant.ts";
import { search } from "./search.ts";
import { shrink } from "./shrink.ts";
import { simulate } from "./simulate.ts";

const minuteMs = 60_000;
/** Seeds that failed once, by what they found, with the backend that they had then; all of the first thousand are run as well. */
const pinnedSeeds = {
  stream: [1025, 1963, 2526, 6295, 6635, 7028, 8981, 223_787_732, 223_792_806],
  kafka: [123_164, 245_264, 313_373],
} as const;

/** A place among the seeds that follows from the commit, so that each commit looks at others. */
function freshSeed(): { readonly first: number; readonly commit: string } {
  const commit = execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8" }).trim();
  return { first: 1_000_000 + Number.parseInt(commit.slice(0, 7), 16), commit };
}

describe("the simulated cluster", () => {
  test("comes through every fault, with fresh seeds for a minute", { timeout: 2 * minuteMs }, async () => {
    const { first, commit } = freshSeed();
    process.stdout.write(`simulation: fresh seeds from ${first} on (commit ${commit.slice(0, 12)})\n`);
    const { failures, seeds } = await search({ first, maxSeeds: Number.POSITIVE_INFINITY, maxMs: minuteMs });
    process.stdout.write(`simulation: ${seeds} fresh seeds\n`);
    expect(failures.map(({ seed, violations }) => [seed, violations[0]])).toEqual([]);
  });

  test("comes through the seeds that found something once", { timeout: minuteMs }, async () => {
    const { failures } = await search({ first: 1, maxSeeds: 1000 });
    for (const backend of ["stream", "kafka"] as const) {
      for (const seed of pinnedSeeds[backend]) {
        const result = await simulate({ seed, backend });
        if (result.violations.length > 0) failures.push(result);
      }
    }
    expect(failures.map(({ seed, violations }) => [seed, violations[0]])).toEqual([]);
  });

  test("keeps every invariant of the rules in every transaction", { timeout: minuteMs }, async () => {
    for (let seed = 1; seed <= 150; seed += 1) {
      const { violations } = await simulate({
        seed,
        check: (before, { decision }, after) => checkRunInvariants(before, decision, after),
      });
      expect([seed, ...violations]).toEqual([seed]);
    }
  });

  test("does the same again with the same seed", async () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const [first, second] = [await simulate({ seed }), await simulate({ seed })];
      expect([second.traceHash, second.events]).toEqual([first.traceHash, first.events]);
    }
  });

  test("has nothing to shrink in a seed that succeeds", async () => {
    expect(await shrink(1, 5)).toBeNull();
  });
});

describe("a planted bug is found:", () => {
  test.each(plantedBugs.map((bug) => [bug.name, bug] as const))("%s", { timeout: 5 * minuteMs }, async (_name, bug) => {
    const finding = await findPlanted(bug, { first: bug.firstSeed ?? 1, maxSeeds: 20_000 });
    expect(finding.seeds).not.toBeNull();
    expect(finding.violation).not.toBe("");
  });
});
