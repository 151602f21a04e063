import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Decision, InstanceChange } from "#core/decision.ts";
import type { RunChange } from "#ports/run-store.ts";
import { openPostgresSide, SimulatedSide } from "./database-side.testsuite.ts";
import { decideForAll, playWrites, readOffers, readWritten } from "./played-writes.testsuite.ts";
import { arbitraryRequests, playRequests } from "./random-requests.testsuite.ts";
import { arbitraryWrites } from "./random-writes.testsuite.ts";

const timeout = 300_000;

/** Fails with the seed and the first difference; a whole case would fill pages. */
function reporter<T>({ failed, seed, counterexamplePath, errorInstance }: fc.RunDetails<T>): void {
  if (!failed) return;
  const why = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  throw new Error(`seed ${seed}, path ${counterexamplePath}: ${why}`, { cause: errorInstance });
}

describe("the simulated database is no kinder than PostgreSQL:", () => {
  test("the same sequences of guarded writes give the same rows and results", { timeout }, async () => {
    // Twice at once, each with its own database, so that both cores are busy; 50 cases of 100 runs are 5,000 sequences.
    const tryCases = async (): Promise<void> => {
      const postgres = await openPostgresSide();
      const property = fc.asyncProperty(arbitraryWrites({ runs: 100 }), async (writes) => {
        const simulated = new SimulatedSide();
        const onSimulated = await simulated.drive(() => playWrites(simulated, writes));
        await postgres.clear();
        const onPostgres = await playWrites(postgres, writes);
        const found = await simulated.drive(() => readWritten(onSimulated));
        for (const [place, run] of (await readWritten(onPostgres)).entries())
          expect(found[place], `run ${place}`).toEqual(run);
        expect(await simulated.drive(() => readOffers(onSimulated))).toEqual(await readOffers(onPostgres));
      });
      await fc.assert(property, { numRuns: 25, endOnFailure: true, reporter });
    };
    await Promise.all([tryCases(), tryCases()]);
  });

  test("a decision with a wrong guard is refused with its whole batch", { timeout }, async () => {
    const postgres = await openPostgresSide();
    const property = fc.asyncProperty(arbitraryWrites({ runs: 6, steps: 3 }), anySpoil, async (writes, spoil) => {
      const simulated = new SimulatedSide();
      const onSimulated = await simulated.drive(() => playWrites(simulated, writes));
      const { runs, outbox } = simulated.database.state;
      const before = structuredClone({ runs, outbox });
      const spoiled = spoilOne(decideForAll(onSimulated), spoil);
      await expect(simulated.drive(() => simulated.executors[0].runs.changeRuns(spoiled))).rejects.toThrow(
        "guard refused",
      );
      expect({ runs, outbox }).toEqual(before);

      await postgres.clear();
      const onPostgres = await playWrites(postgres, writes);
      const rows = await readWritten(onPostgres);
      const [{ runs: door }] = postgres.executors;
      await expect(door.changeRuns(spoilOne(decideForAll(onPostgres), spoil))).rejects.toThrow(
        /guard refused|duplicate key/,
      );
      expect(await readWritten(onPostgres)).toEqual(rows);
    });
    await fc.assert(property, { numRuns: 30, endOnFailure: true, reporter });
  });

  test("the same requests of other kinds have the same answers and leave the same rows", { timeout }, async () => {
    const tryCases = async (): Promise<void> => {
      const postgres = await openPostgresSide();
      const property = fc.asyncProperty(arbitraryRequests, async (requests) => {
        const simulated = new SimulatedSide();
        await postgres.clear();
        const real = await playRequests(postgres, requests);
        expect(await simulated.drive(() => playRequests(simulated, requests))).toEqual(real);
      });
      await fc.assert(property, { numRuns: 250 });
    };
    await Promise.all([tryCases(), tryCases()]);
  });
});

/** How a guard is made wrong: by the instance's state, by its fence, or by whether there is such an instance. */
interface Spoil {
  readonly run: number;
  readonly instance: number;
  readonly how: "state" | "older" | "newer" | "there" | "gone";
}

const anySpoil: fc.Arbitrary<Spoil> = fc.record({
  run: fc.nat(),
  instance: fc.nat(),
  how: fc.constantFrom("state", "older", "newer", "there", "gone"),
});

function spoilOne(decisions: readonly Decision[], { run, instance, how }: Spoil): readonly RunChange[] {
  return decisions.map((decision, place) => {
    const { runKey } = decision.run;
    if (place !== run % decisions.length) return { runKey, decide: () => decision };
    const wrong = instance % decision.instances.length;
    const instances = decision.instances.map((change, index) => (index === wrong ? spoilGuard(change, how) : change));
    return { runKey, decide: () => ({ ...decision, instances }) };
  });
}

function spoilGuard({ next, guard }: InstanceChange, how: Spoil["how"]): InstanceChange {
  if (guard === null) throw new Error("the instance was there before");
  switch (how) {
    case "state":
      return { next, guard: { ...guard, state: guard.state === "removed" ? "none" : "removed" } };
    case "older":
      return { next, guard: { ...guard, fence: guard.fence - 1 } };
    case "newer":
      return { next, guard: { ...guard, fence: guard.fence + 1 } };
    case "there":
      return { next, guard: null };
    case "gone":
      return { next: { ...next, ordinal: next.ordinal + 1000 }, guard };
  }
}
