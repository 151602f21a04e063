import { expect, onTestFinished, test } from "vitest";
import { emptyDefinition } from "#definition/empty-definition.testsuite.ts";
import { createMemoryStore } from "#store/memory/memory-store.ts";
import { createManualClock } from "#testing/manual-clock.ts";
import { buildPlan } from "#testing/plan-builder.ts";
import { startBackfillLoop } from "./backfill-loop.ts";
import { registerDefinition, silentLogger } from "./scheduler-harness.testsuite.ts";

const day = 86_400_000;

test("the end of a run makes it look only where there is a backfill", async () => {
  const store = createMemoryStore({ toPlan: () => buildPlan([{ id: "a" }]) });
  await registerDefinition(store, emptyDefinition("etl", { schedule: { text: "@daily", timezone: "UTC" } }));
  let looks = 0;
  const backfills: typeof store.backfills = {
    ...store.backfills,
    listOpen(page) {
      looks += 1;
      return store.backfills.listOpen(page);
    },
  };
  const lease = await store.leases.acquire({ name: "scheduler", holder: "test", ttlMs: day });
  const clock = createManualClock();
  const loop = startBackfillLoop({
    store: { ...store, backfills },
    clock,
    epoch: () => lease?.epoch ?? null,
    createSuffix: () => "0",
    intervalMs: day,
    logger: silentLogger,
  });
  onTestFinished(() => loop.stop());
  /** Lets the loop rest, and do what it does then. */
  const rest = async () => {
    for (let turn = 0; turn < 20; turn += 1) {
      await new Promise(setImmediate);
      clock.advance(50);
    }
  };
  await rest();
  expect(looks).toBe(1);
  store.wake.notify("ended", "some run");
  await rest();
  expect(looks).toBe(1);

  const active = await store.definitions.getActive("etl");
  const fromAt = Date.UTC(2026, 0, 1);
  await store.backfills.create({
    dagKey: active?.dagKey ?? 0,
    versionKey: active?.versionKey ?? 0,
    backfillId: "b",
    fromAt,
    toAt: fromAt,
    selection: "missing",
    newestFirst: false,
    maxActiveRuns: 1,
    priorityOffset: 0,
    parameters: {},
    note: "",
    createdBy: "me",
    slotCount: 1,
    request: null,
  });
  await rest();
  const before = looks;
  expect(before).toBeGreaterThan(1);
  store.wake.notify("ended", "some run");
  await rest();
  expect(looks).toBe(before + 1);
});
