import { expect, test } from "vitest";
import { systemClock } from "#clock/system-clock.ts";
import { AppError } from "#errors/app-error.ts";
import type { Store } from "#ports/store.ts";
import { createLogger } from "#telemetry/logger.ts";
import { createClockedStore } from "#testing/clocked-store.ts";
import { planOfSpec } from "#testing/plan-spec.ts";
import { startRun } from "#testing/store-driver.ts";
import { RunWriter } from "./run-writer.ts";

/** A store whose first write is committed and not answered. */
function withLostAnswer(store: Store): Store {
  let isLost = false;
  return {
    ...store,
    runs: {
      ...store.runs,
      async changeRuns(changes) {
        const results = await store.runs.changeRuns(changes);
        if (isLost) return results;
        isLost = true;
        throw new AppError("DATABASE_UNAVAILABLE", "the answer was lost");
      },
    },
  };
}

test("slots that a write without an answer may have given away are kept until the run was read again", async () => {
  const { store } = createClockedStore(planOfSpec);
  const { runKey } = await startRun(store, [{ id: "a" }]);
  const log: string[] = [];
  const writer = new RunWriter({
    store: withLostAnswer(store),
    clock: systemClock,
    logger: createLogger({ level: "silent", format: "json", component: "test" }),
    workers: {
      scope: () => "made_ready",
      accepts: () => true,
      takeSpare: () => {
        log.push("take");
        return 1;
      },
      giveBack: () => void log.push("give back"),
    },
    onDecided: () => undefined,
    onApplied: () => void log.push("applied"),
    onUncertain: () => void log.push("uncertain"),
  });
  await writer.submit({ runKey, event: { kind: "offer" }, freesSlotOf: null });
  // The first call gives back what an earlier decision on the run may have taken.
  expect(log).toEqual(["give back", "take", "uncertain", "give back"]);
  await writer.stop();
});
