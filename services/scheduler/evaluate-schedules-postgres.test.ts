import { expect, onTestFinished, test } from "vitest";
import { emptyDefinition } from "#definition/empty-definition.testsuite.ts";
import type { ScheduleDefinition } from "#definition/schema/schedule-definition.ts";
import type { Store } from "#ports/store.ts";
import { defaultDst } from "#schedule/schedule.ts";
import { buildPlan } from "#testing/plan-builder.ts";
import { openPostgresHarness } from "#testing/postgres-harness.ts";
import { runTask, success } from "#testing/store-driver.ts";
import { createEvaluator, registerDefinition, scheduledDates } from "./scheduler-harness.testsuite.ts";

const minute = 60_000;

interface Leader {
  readonly store: Store;
  /** Evaluates until nothing is due at once. */
  readonly evaluateAll: () => Promise<void>;
}

async function openLeader(): Promise<Leader> {
  const harness = await openPostgresHarness(() => buildPlan([{ id: "a" }]));
  onTestFinished(() => harness.close());
  const { store } = harness;
  const lease = await store.leases.acquire({ name: "scheduler", holder: "me", ttlMs: 3_600_000 });
  const leader = createEvaluator(store, lease?.epoch ?? 0);
  const evaluateAll = async (): Promise<void> => {
    for (;;) {
      const result = await leader.evaluate();
      if (result.kind === "deposed") throw new Error("it leads no more");
      if (result.nextInMs === null || result.nextInMs > 100) return;
    }
  };
  return { store, evaluateAll };
}

/** Slots of the hours before the present one, the latest last; the database clock says which hour it is. */
function pastHours(store: Store, count: number): readonly number[] {
  const present = Math.floor(store.now() / (60 * minute)) * 60 * minute;
  return Array.from({ length: count }, (_, place) => present - (count - 1 - place) * 60 * minute);
}

/** Hourly through these slots, as if nobody had looked. */
function hourly(slots: readonly number[], policy: Partial<ScheduleDefinition>): ScheduleDefinition {
  const rule = { kind: "cron", cron: "0 * * * *" } as const;
  const entry = { rule, timezone: "UTC", startAt: slots[0] ?? 0, endAt: slots.at(-1) ?? 0, dst: defaultDst };
  return { text: "0 * * * *", timezone: "UTC", entries: [entry], ...policy };
}

function inWords(slots: readonly number[]): string[] {
  return slots.map((slot) => new Date(slot).toISOString().replace(".000Z", "Z"));
}

test("missed slots follow the policy of each definition, and what was left out is seen", async () => {
  const { store, evaluateAll } = await openLeader();
  const slots = pastHours(store, 120);
  const [first = 0] = slots;
  const policies = { all: { catchup: "all" }, latest: {}, none: { catchup: "none" } } as const;
  for (const [id, policy] of Object.entries(policies)) {
    await registerDefinition(store, emptyDefinition(id, { schedule: hourly(slots, policy) }));
  }

  await evaluateAll();

  expect(await scheduledDates(store, "all")).toEqual(inWords(slots.slice(-100)));
  expect(await scheduledDates(store, "latest")).toEqual(inWords(slots.slice(-1)));
  const dropped = async (id: string): Promise<unknown> => (await store.queries.getDag(id))?.droppedSlots;
  expect(await dropped("all")).toMatchObject({ from: first, to: slots[19], count: 20, reason: "limit" });
  expect(await dropped("latest")).toMatchObject({ from: first, to: slots[118], count: 119, reason: "missed" });
  const isOnTheHour = (await scheduledDates(store, "none")).length === 1;
  expect(await dropped("none")).toMatchObject({ from: first, count: isOnTheHour ? 119 : 120, reason: "missed" });
});

test("a queue makes one run after the other, also through a restart of the scheduler", async () => {
  const { store, evaluateAll } = await openLeader();
  const slots = pastHours(store, 3);
  const schedule = hourly(slots, { catchup: "all", overlap: "queue" });
  await registerDefinition(store, emptyDefinition("a", { schedule }));
  const dagKey = (await store.definitions.getActive("a"))?.dagKey ?? 0;
  for (const count of [1, 2, 3]) {
    await expect
      .poll(
        async () => {
          await evaluateAll();
          return scheduledDates(store, "a");
        },
        { timeout: 5000 },
      )
      .toEqual(inWords(slots.slice(0, count)));
    for (const run of await store.definitions.listActiveRuns(dagKey, 10)) await runTask(store, run, 0, success);
  }
  expect((await store.queries.getDag("a"))?.droppedSlots).toBeNull();
});

test("a run that has to give way is cancelled, and the new one is made at once", async () => {
  const { store, evaluateAll } = await openLeader();
  const slots = pastHours(store, 2);
  const schedule = hourly(slots, { catchup: "all", overlap: "cancel_running" });
  await registerDefinition(store, emptyDefinition("a", { schedule }));

  await evaluateAll();

  const page = { limit: 10, cursor: null, sort: "execution_date" };
  const { items } = await store.queries.listRuns(page, { dagId: "a", states: [] });
  expect(items.map(({ state, logicalAt }) => [state, logicalAt])).toEqual([
    ["cancelled", slots[0]],
    ["queued", slots[1]],
  ]);
});
