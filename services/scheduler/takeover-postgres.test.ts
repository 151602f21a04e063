import { Client } from "pg";
import { expect, onTestFinished, test, vi } from "vitest";
import { emptyDefinition } from "#definition/empty-definition.testsuite.ts";
import type { CreateRunResult } from "#ports/new-run.ts";
import type { Store } from "#ports/store.ts";
import { buildPlan } from "#testing/plan-builder.ts";
import { openPostgresHarness } from "#testing/postgres-harness.ts";
import { createScheduler } from "./scheduler.ts";
import { registerDefinition, scheduledDates, silentLogger } from "./scheduler-harness.testsuite.ts";

const leaseMs = 1500;
const dagIds = ["a", "b", "c", "d", "e"];

/** How long a takeover may take: two leases. */
const takeover = { timeout: 2 * leaseMs + 10_000, interval: 50 };

interface Pair {
  readonly connectionString: string;
  /** The schedulers' own stores; the first leads. */
  readonly stores: readonly [Store, Store];
  /** Reads for the test. */
  readonly observer: Store;
}

/** Two schedulers over one database with definitions that run every second; `wrap` may come between the first and it. */
async function startPair(wrap: (store: Store) => Store = (store) => store): Promise<Pair> {
  const harness = await openPostgresHarness(() => buildPlan([{ id: "a" }]));
  onTestFinished(() => harness.close());
  const stores = [await harness.openAnother(), await harness.openAnother()] as const;
  for (const id of dagIds) {
    const schedule = { text: "@every 1s", timezone: "UTC", catchup: "all", maxCatchup: 1000 } as const;
    await registerDefinition(harness.store, emptyDefinition(id, { schedule }));
  }
  for (const [place, store] of [wrap(stores[0]), stores[1]].entries()) {
    const schedulerId = `s${place}`;
    const service = createScheduler({ store, schedulerId, leaseMs, pollingIntervalMs: 500, logger: silentLogger });
    onTestFinished(() => service.stop());
    await service.start();
    if (place === 0) await vi.waitFor(async () => expect(await leaderOf(harness.connectionString)).toMatch(/^s0/));
  }
  return { connectionString: harness.connectionString, stores, observer: harness.store };
}

async function leaderOf(connectionString: string): Promise<string> {
  return query(connectionString, "SELECT holder AS value FROM leases WHERE name = 'scheduler' AND expires_at > now()");
}

async function query(connectionString: string, sql: string): Promise<string> {
  const client = new Client({ connectionString });
  await client.connect();
  const { rows } = await client.query<{ value: string }>(sql);
  await client.end();
  return rows[0]?.value ?? "";
}

async function runCount(store: Store, dagId: string): Promise<number> {
  return (await store.queries.listRuns({ limit: 1, cursor: null, sort: null }, { dagId, states: [] })).totalCount;
}

/** Waits until each definition has so many runs more, then looks whether they are one for each second. */
async function expectEverySecond(store: Store, more: number): Promise<void> {
  const wanted = new Map<string, number>();
  // A session of the test's own may have been ended as well: it asks again.
  for (const id of dagIds) wanted.set(id, (await vi.waitFor(() => runCount(store, id), takeover)) + more);
  for (const [id, count] of wanted) {
    await vi.waitFor(async () => expect(await runCount(store, id)).toBeGreaterThanOrEqual(count), takeover);
    const dates = (await scheduledDates(store, id)).map((date) => Date.parse(date));
    const first = dates[0] ?? 0;
    expect(dates).toEqual(dates.map((_, place) => first + place * 1000));
  }
}

test("when the leader dies, another makes each slot once and leaves none out", async () => {
  const { connectionString, stores, observer } = await startPair();
  await expectEverySecond(observer, 2);

  await stores[0].close();
  await vi.waitFor(async () => expect(await leaderOf(connectionString)).toMatch(/^s1/), takeover);

  await expectEverySecond(observer, 2);
});

test("a leader that stands still and wakes up writes nothing any more", async () => {
  const opened = Promise.resolve();
  let gate: Promise<void> = opened;
  let open = (): void => undefined;
  let heldCount = 0;
  const late: CreateRunResult["kind"][] = [];
  const { connectionString, observer } = await startPair((store) => ({
    ...store,
    leases: { ...store.leases, acquire: async (options) => gate.then(() => store.leases.acquire(options)) },
    runs: {
      ...store.runs,
      async createRun(run) {
        const isHeld = gate !== opened;
        if (isHeld) heldCount += 1;
        await gate;
        const result = await store.runs.createRun(run);
        if (isHeld) late.push(result.kind);
        return result;
      },
    },
  }));
  await expectEverySecond(observer, 1);

  gate = new Promise((resolve) => {
    open = resolve;
  });
  await vi.waitFor(() => expect(heldCount).toBeGreaterThan(0), takeover);
  // Nobody else makes the slots that it holds, so that only its epoch keeps it from making them.
  for (const id of dagIds) await observer.definitions.setPaused(id, true);
  await vi.waitFor(async () => expect(await leaderOf(connectionString)).toMatch(/^s1/), takeover);
  open();
  await vi.waitFor(() => expect(late).toHaveLength(heldCount), takeover);
  expect(new Set(late)).toEqual(new Set(["not_leader"]));

  for (const id of dagIds) await observer.definitions.setPaused(id, false);
  await expectEverySecond(observer, 2);
});

test("sessions that the database ends cost no slot", async () => {
  const { connectionString, observer } = await startPair();
  for (let round = 0; round < 3; round += 1) {
    await expectEverySecond(observer, 1);
    const end = "SELECT count(pg_terminate_backend(pid))::text AS value FROM pg_stat_activity";
    await query(connectionString, `${end} WHERE datname = current_database() AND pid <> pg_backend_pid()`);
  }
  await expectEverySecond(observer, 2);
});
