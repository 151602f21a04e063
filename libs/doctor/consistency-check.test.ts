import { randomUUID } from "node:crypto";
import { Client } from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import type { StoredFile } from "#ports/artifact-store.ts";
import type { Clock } from "#ports/clock.ts";
import type { Store } from "#ports/store.ts";
import { createClockedStore } from "#testing/clocked-store.ts";
import { registerDag } from "#testing/dag-builder.ts";
import type { TaskSpec } from "#testing/plan-builder.ts";
import { planOfSpec } from "#testing/plan-spec.ts";
import { openPostgresHarness } from "#testing/postgres-harness.ts";
import { change, claim, readInstances, runTask, startRun, success } from "#testing/store-driver.ts";
import { hello, registerWorker as register } from "#testing/worker-builder.ts";
import { type CheckName, checkCatalog, checkNames } from "./check-catalog.ts";
import { type CheckPage, createConsistencyCheck } from "./consistency-check.ts";
import { createHastyCheck, createListedStore, quick } from "./hasty-check.testsuite.ts";
import type { CheckCursor } from "./read-batch.ts";

const dayMs = 86_400_000;

interface Bench {
  readonly store: Store;
  /** The same data as another process remembers it. */
  readonly openAnother: () => Promise<Store>;
  readonly sql: (text: string) => Promise<void>;
  /** What the artifact store has. */
  readonly files: StoredFile[];
  readonly check: (repair: boolean) => Promise<CheckPage>;
}

async function openBench(): Promise<Bench> {
  const harness = await openPostgresHarness();
  const client = new Client({ connectionString: harness.connectionString });
  await client.connect();
  onTestFinished(async () => {
    await client.end();
    await harness.close();
  });
  const { store } = harness;
  const { openAnother } = harness;
  const files: StoredFile[] = [];
  const check = createHastyCheck(store, { artifacts: createListedStore(files) });
  return { store, openAnother, sql: async (text) => void (await client.query(text)), files, check };
}

const chain: readonly TaskSpec[] = [{ id: "a" }, { id: "b", parents: ["a"] }];

/** A run of `tasks` in which the first task has succeeded. */
async function startChain(store: Store, tasks: readonly TaskSpec[] = chain): Promise<number> {
  const { runKey } = await startRun(store, tasks);
  await runTask(store, runKey, 0, success);
  return runKey;
}

/** A worker that lives, by its row's key. */
async function registerWorker(store: Store): Promise<number> {
  return (await register(store, hello("one"))).workerKey;
}

interface Planting {
  /** Makes what is wrong; whoever looks at the run remembers it from before. */
  readonly plant: (bench: Bench) => Promise<void>;
  /** Others that it entails. */
  readonly also?: readonly CheckName[];
}

const onRun =
  (assignment: string) =>
  async ({ store, sql }: Bench) => {
    const runKey = await startChain(store);
    await sql(`UPDATE dag_runs SET ${assignment} WHERE run_key = ${runKey}`);
  };

const onInstance =
  (ordinal: number, assignment: string) =>
  async ({ store, sql }: Bench) => {
    const runKey = await startChain(store);
    await sql(`UPDATE task_instances SET ${assignment} WHERE run_key = ${runKey} AND ordinal = ${ordinal}`);
  };

/** One corruption for each check, as somebody could make it beside Millrace. */
const plantings: Readonly<Record<CheckName, Planting>> = {
  missing_instances: {
    plant: async ({ store, sql }) => {
      const { runKey } = await startRun(store, chain);
      await readInstances(store, runKey);
      await sql(`DELETE FROM task_instances WHERE run_key = ${runKey} AND ordinal = 1`);
    },
    also: ["parent_counts"],
  },
  incomplete_run: {
    plant: async ({ store, sql }) => {
      const { runKey } = await startRun(store, [{ id: "a", evaluated: true }]);
      const items = [{ key: "x" }, { key: "y" }];
      await change(store, runKey, [
        { kind: "evaluated", ordinal: 0, generation: 1, result: { kind: "fan_out", items } },
      ]);
      await sql(`DELETE FROM task_instances WHERE run_key = ${runKey} AND ordinal = 1`);
    },
  },
  run_counts: { plant: onRun(`counts = jsonb_set(counts, '{success}', '5')`) },
  run_state: { plant: onRun("state = 'success'") },
  run_end: { plant: onRun("ended_at = now()") },
  run_start: { plant: onRun("ever_started = false, started_at = NULL") },
  exempt_failure: { plant: onInstance(0, "exempt = true") },
  parent_counts: { plant: onInstance(1, "in_degree = 7, parents_skipped = 2") },
  fan_out_items: {
    plant: async ({ store, sql }) => {
      const { runKey } = await startRun(store, [{ id: "a", evaluated: true }]);
      const items = [{ key: "x" }, { key: "y" }];
      await change(store, runKey, [
        { kind: "evaluated", ordinal: 0, generation: 1, result: { kind: "fan_out", items } },
      ]);
      await sql(`UPDATE task_instances SET items_total = 5 WHERE run_key = ${runKey} AND ordinal = 0`);
    },
  },
  attempt_holder: {
    plant: async ({ store, sql }) => {
      const runKey = await startChain(store);
      await claim(store, runKey, 1, await registerWorker(store));
      await sql(`UPDATE task_instances SET held = false, held_fence = 0 WHERE run_key = ${runKey}`);
    },
    also: ["run_counts"],
  },
  fence_ahead: {
    plant: async ({ store, sql }) => {
      const runKey = await startChain(store);
      await claim(store, runKey, 1, await registerWorker(store));
      await sql(`UPDATE task_instances SET fence = 40 WHERE run_key = ${runKey} AND ordinal = 1`);
    },
  },
  ready_not_queued: { plant: onInstance(1, "state = 'none', queued_at = NULL"), also: ["run_counts"] },
  holder_gone: {
    plant: async ({ store, sql }) => {
      const runKey = await startChain(store);
      const workerKey = await registerWorker(store);
      await claim(store, runKey, 1, workerKey);
      await sql(`DELETE FROM workers WHERE worker_key = ${workerKey}`);
    },
  },
  timer_overdue: {
    plant: async ({ store, sql }) => {
      const runKey = await startChain(store);
      await sql(`UPDATE task_instances SET state = 'up_for_retry', due_at = now() - interval '1 hour' WHERE ordinal = 1;
        UPDATE dag_runs SET state = 'up_for_retry', counts = counts || '{"queued": 0, "up_for_retry": 1}' WHERE run_key = ${runKey}`);
    },
  },
  evaluation_overdue: {
    plant: async ({ store }) => void (await startRun(store, [{ id: "a", evaluated: true }])),
  },
  stale_outputs: {
    plant: async ({ store, sql }) => {
      const runKey = await startChain(store);
      await sql(
        `INSERT INTO outputs (run_key, ordinal, key, generation, value_json, created_at) VALUES (${runKey}, 0, 'k', 0, '1', now())`,
      );
    },
  },
  unreadable_version: {
    plant: async ({ store, sql }) => {
      await startChain(store);
      await sql(`UPDATE dag_versions SET definition = '{}'`);
    },
  },
  outbox_stuck: {
    plant: ({ sql }) =>
      sql(
        `INSERT INTO outbox (event_type, resource_type, resource_id, created_at) VALUES ('x', 'run', 'r', now() - interval '2 minutes')`,
      ),
  },
  event_gap: {
    plant: async ({ store, sql }) => {
      const lease = await store.leases.acquire({ name: "relay", holder: "test", ttlMs: 60_000 });
      await startChain(store);
      await store.events.publish(lease?.epoch ?? 0, 1000);
      await sql("DELETE FROM outbox WHERE event_id = 2");
    },
  },
  date_index: { plant: ({ sql }) => sql("DROP INDEX dag_runs_logical_date") },
  lease_far: {
    plant: ({ sql }) =>
      sql(`INSERT INTO leases (name, holder, expires_at) VALUES ('scheduler', 'somebody', now() + interval '9 days')`),
  },
  slot_idle: {
    plant: ({ sql }) =>
      sql("INSERT INTO slot_rows (limit_name, number, run_key, ordinal, taken_at) VALUES ('pool/db', 1, 99, 0, now())"),
  },
  schedule_overdue: {
    plant: async ({ store, sql }) => {
      const { dagKey } = await registerDag(store, "late", { tasks: [{ id: "a" }] });
      await sql(
        `INSERT INTO schedules (dag_key, schedule_text, timezone, next_at) VALUES (${dagKey}, '@daily', 'UTC', now() - interval '1 hour')`,
      );
    },
  },
  version_missing: {
    plant: async ({ store, sql }) => {
      await registerDag(store, "hollow", { tasks: [{ id: "a" }] });
      await sql("UPDATE dags SET active_version_key = NULL");
    },
  },
  queue_without_worker: {
    plant: async ({ store, sql }) => {
      await startRun(store, [{ id: "a", queue: "gpu" }]);
      await sql("UPDATE task_instances SET queued_at = now() - interval '1 hour'");
    },
  },
  files_overdue: {
    plant: ({ sql }) => sql("INSERT INTO unlisted_files VALUES ('1/0/1.1/x', now() - interval '2 days')"),
  },
  files_unknown: {
    plant: async ({ files }) => {
      files.push({ location: `7/0/1.1/${randomUUID()}`, modifiedAt: Date.now() - 3 * dayMs });
    },
  },
  worker_overdue: {
    plant: async ({ store, sql }) => {
      await registerWorker(store);
      await sql("UPDATE workers SET lease_expires_at = now() - interval '1 hour'");
    },
  },
};

describe("the consistency check", () => {
  it("wakes who may wait for the slots that it gives back, and nobody when there are none", async () => {
    const bench = await openBench();
    const heard: string[] = [];
    for (const topic of ["queued", "room"] as const) bench.store.wake.listen(topic, () => heard.push(topic));
    await bench.check(true);
    expect(heard).toEqual([]);
    await plantings.slot_idle.plant(bench);
    await bench.check(true);
    await expect.poll(() => heard.toSorted()).toEqual(["queued", "room"]);
  });

  it.each(checkNames)("finds %s, names it, and repairs what is safe", async (name) => {
    const bench = await openBench();
    expect((await bench.check(true)).findings).toEqual([]);
    const { plant, also = [] } = plantings[name];
    await plant(bench);
    const repairable = checkCatalog[name].repair !== null;
    const found = await bench.check(false);
    expect(new Set(found.findings.map(({ check }) => check))).toEqual(new Set([name, ...also]));
    const finding = found.findings.find(({ check }) => check === name);
    expect(finding).toMatchObject({ outcome: repairable ? "possible" : "by_hand" });
    expect(finding?.detail).not.toBe("");
    const repaired = await bench.check(true);
    expect(repaired.findings.find(({ check }) => check === name)?.outcome).toBe(repairable ? "repaired" : "by_hand");
    const left = (await bench.check(true)).findings.map(({ check }) => check);
    expect(left).toEqual(repairable ? [] : [name]);
    if (name === "date_index")
      await bench.sql(
        "CREATE UNIQUE INDEX dag_runs_logical_date ON dag_runs (dag_key, logical_at) WHERE NOT is_archived",
      );
  });

  it("lets everybody read a repaired run again, whose rows were changed without a sequence", async () => {
    const { store, openAnother, sql, check } = await openBench();
    const other = await openAnother();
    const runKey = await startChain(store);
    await readInstances(other, runKey);
    await sql("UPDATE task_instances SET state = 'skipped' WHERE ordinal = 0");
    const { findings } = await check(true);
    expect(findings.map((finding) => finding.check)).toEqual(["run_counts", "parent_counts"]);
    const late = await change(other, runKey, [{ kind: "pause", isPaused: true }]);
    expect(late.kind === "applied" && late.run.instances.map(({ state }) => state)).toEqual(["skipped", "queued"]);
  });

  it("finds nothing that was gone at the second look", async () => {
    const { store, sql } = await openBench();
    const runKey = await startChain(store);
    await sql(`UPDATE dag_runs SET held_count = 3 WHERE run_key = ${runKey}`);
    const clock: Clock = {
      ...quick.clock,
      after(_delayMs, call) {
        void sql(`UPDATE dag_runs SET held_count = 0 WHERE run_key = ${runKey}`).then(call);
        return { cancel: () => undefined };
      },
    };
    expect((await createHastyCheck(store, { clock })(true)).findings).toEqual([]);
  });

  it("waits for nobody who writes the run, and says so", async () => {
    const { store, sql, check } = await openBench();
    const runKey = await startChain(store);
    await sql(`UPDATE dag_runs SET held_count = 3 WHERE run_key = ${runKey}`);
    await sql(`BEGIN; SELECT 1 FROM dag_runs WHERE run_key = ${runKey} FOR UPDATE`);
    expect((await check(true)).findings.map(({ outcome }) => outcome)).toEqual(["busy"]);
    await sql("COMMIT");
    expect((await check(true)).findings.map(({ outcome }) => outcome)).toEqual(["repaired"]);
    expect((await check(true)).findings).toEqual([]);
  });

  it("goes on page by page, through runs that go on and those that have ended", async () => {
    const { store } = await openBench();
    for (let made = 0; made < 3; made += 1) await startChain(store);
    const { runKey } = await startRun(store, [{ id: "a" }]);
    await runTask(store, runKey, 0, success);
    let cursor: CheckCursor | null = null;
    const seen: number[] = [];
    const { signal } = new AbortController();
    const checkOnce = createConsistencyCheck({ ...quick, store });
    do {
      const page: CheckPage = await checkOnce({ cursor, repair: false, files: "skip", maxRuns: 2, signal });
      seen.push(page.checkedRuns);
      cursor = page.next;
    } while (cursor !== null);
    expect(seen.reduce((sum, count) => sum + count, 0)).toBe(4);
    expect(Math.max(...seen)).toBe(2);
  });

  it("answers where it began when a look at files fails, and what failed", async () => {
    const { store } = createClockedStore(planOfSpec);
    const place = `1/0/1.1/${randomUUID()}`;
    const files = [place, `2/0/1.1/${randomUUID()}`].map((location) => ({ location, modifiedAt: 0 }));
    const retention = { ...store.retention, findUnknownFiles: () => Promise.reject(new Error("the database is away")) };
    const checkOnce = createConsistencyCheck({
      ...quick,
      store: { ...store, retention },
      artifacts: createListedStore(files),
    });
    const { signal } = new AbortController();
    const request = { cursor: null, repair: false, files: "count", maxRuns: 2, signal } as const;
    const page = await checkOnce({ ...request, filesAfter: place });
    expect(page).toMatchObject({ nextFiles: place, checkedFiles: 0, findings: [{ outcome: "failed" }] });
    expect(page.findings[0]?.detail).toBe(
      `files of artifacts behind ${place} were not looked at: the database is away`,
    );
  });

  it("ends at once when it is told to", async () => {
    const { store, sql } = await openBench();
    await startChain(store);
    await sql("UPDATE dag_runs SET held_count = 3");
    const stopping = new AbortController();
    const endless: Clock = { ...quick.clock, after: () => ({ cancel: () => undefined }) };
    const checkOnce = createConsistencyCheck({ ...quick, clock: endless, store });
    const page = checkOnce({ cursor: null, repair: true, files: "skip", maxRuns: 2, signal: stopping.signal });
    stopping.abort(new Error("stopping"));
    await expect(page).rejects.toThrow("stopping");
  });

  it("is patient only with what is still there a second later", async () => {
    const { store } = await openBench();
    const { runKey } = await startRun(store, [{ id: "a", evaluated: true }]);
    const waits: number[] = [];
    const clock: Clock = {
      ...quick.clock,
      after(delayMs, call) {
        waits.push(delayMs);
        const result = { kind: "run" } as const;
        void change(store, runKey, [{ kind: "evaluated", ordinal: 0, generation: 1, result }]).then(call);
        return { cancel: () => undefined };
      },
    };
    expect((await createHastyCheck(store, { clock, patienceMs: 20_000 })(true)).findings).toEqual([]);
    expect(waits).toEqual([1000]);
  });
});
