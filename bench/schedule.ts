import { Client } from "pg";
import type { Definition } from "#definition/model.ts";
import { planOf } from "#definition/plan-of.ts";
import type { Store } from "#ports/store.ts";
import { checkCron } from "#schedule/cron.ts";
import { nextFireTimes } from "#schedule/next-fire-times.ts";
import { defaultDst, openSchedule, type ScheduleSpec } from "#schedule/schedule.ts";
import { startSchedule } from "#schedule/schedule-start.ts";
import { createScheduler } from "#services/scheduler/scheduler.ts";
import { migrate } from "#store/postgres/migrate.ts";
import { openPostgresStore } from "#store/postgres/postgres-store.ts";
import { createLogger } from "#telemetry/logger.ts";
import { startBenchDatabase } from "./database.ts";
import { formatTable } from "./measure.ts";

interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly goal: string;
}

const logger = createLogger({ level: "error", format: "text", component: "bench" });

const expressions = [
  "* * * * *",
  "*/15 * * * *",
  "30 2 * * *",
  "0 0 31 * *",
  "0 0 29 2 *",
  "0 0 1W 1 *",
  "0 0 * 2 MON#5",
  "59 23 LW * *",
  "0,30 0-23/2 1-7,15 */2 MON-FRI",
];
const zones = ["UTC", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"];

const dueTogether = 1000;
const lateDags = 200;
const togetherSeconds = 15;
const missedSlots = 1440;
const punctualDags = 50;
const fairnessSeconds = 45;
const minuteMs = 60_000;

/** How long the arithmetic of schedules takes, how late runs are when many are due, and what many missed slots do to the others. */
export async function benchSchedule(): Promise<void> {
  const rows = [...measureArithmetic()];
  const server = await startBenchDatabase(["bench_together", "bench_fairness"]);
  const [togetherUrl = "", fairnessUrl = ""] = server.urls;
  try {
    rows.push(...(await measureTogether(togetherUrl)));
    rows.push(...(await measureFairness(fairnessUrl)));
  } finally {
    await server.stop();
  }
  for (const row of rows) console.log(JSON.stringify(row));
  const cells = rows.map(({ what, value, unit, goal }) => [what, `${value.toFixed(2)} ${unit}`, goal]);
  console.log(`\n${formatTable([["what", "measured", "goal"], ...cells])}`);
}

/** The worst of all expressions in all zones, each measured when it is warm. */
function measureArithmetic(): readonly Row[] {
  const worst = { parseMs: 0, thousandMs: 0 };
  const from = Date.UTC(2026, 0, 1);
  for (const timezone of zones) {
    for (const text of expressions) {
      const spec = { text, timezone };
      worst.parseMs = Math.max(
        worst.parseMs,
        best(() => parseAndNext(spec, from)),
      );
      worst.thousandMs = Math.max(
        worst.thousandMs,
        best(() => nextFireTimes(openSchedule(spec, null), from, 1000)),
      );
    }
  }
  return [
    { what: "check, parse and next, worst expression", value: worst.parseMs, unit: "ms", goal: "< 1 ms" },
    { what: "the next 1,000 times, worst expression", value: worst.thousandMs, unit: "ms", goal: "< 50 ms" },
  ];
}

function parseAndNext(spec: ScheduleSpec, from: number): void {
  if (checkCron(spec.text) !== null) throw new Error(`${spec.text} is wrong`);
  nextFireTimes(openSchedule(spec, null), from, 1);
}

/** The best of 25: what else the machine does is not the arithmetic's. */
function best(run: () => unknown): number {
  return Math.min(
    ...Array.from({ length: 25 }, () => {
      const start = performance.now();
      run();
      return performance.now() - start;
    }),
  );
}

/** Lag of runs that are all due at one instant, from their time to the row in the database; the second time, when all is warm. */
async function measureTogether(connectionString: string): Promise<readonly Row[]> {
  const { store, stop } = await startOne(connectionString);
  try {
    const often = { text: `@every ${togetherSeconds}s`, timezone: "UTC" };
    for (let index = 0; index < dueTogether; index += 1) await register(store, `together_${index}`, often);
    const first = await waitForLags(connectionString, "together_%", dueTogether);
    const second = await waitForLags(connectionString, "together_%", first.length + dueTogether);
    const lags = second.slice(-dueTogether);
    return [
      { what: `lag of ${dueTogether} DAGs due at once, p50`, value: percentile(lags, 0.5), unit: "ms", goal: "" },
      {
        what: `lag of ${dueTogether} DAGs due at once, p99`,
        value: percentile(lags, 0.99),
        unit: "ms",
        goal: "< 1000 ms",
      },
    ];
  } finally {
    await stop();
  }
}

/** DAGs that are on time beside 200 that missed a day of minutes each and catch up all of it. */
async function measureFairness(connectionString: string): Promise<readonly Row[]> {
  const { store, stop } = await startOne(connectionString);
  try {
    const before = memoryMb();
    const startAt = Math.floor(store.now() / minuteMs) * minuteMs - missedSlots * minuteMs;
    const rule = { kind: "cron", cron: "* * * * *" } as const;
    const entry = { rule, timezone: "UTC", startAt, endAt: null, dst: defaultDst };
    const late = {
      text: "* * * * *",
      timezone: "UTC",
      entries: [entry],
      catchup: "all",
      maxCatchup: missedSlots + 1,
    } as const;
    for (let index = 0; index < lateDags; index += 1) await register(store, `late_${index}`, late);
    const often = { text: "@every 5s", timezone: "UTC" };
    for (let index = 0; index < punctualDags; index += 1) await register(store, `punctual_${index}`, often);
    let peakMb = 0;
    for (let second = 0; second < fairnessSeconds; second += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      peakMb = Math.max(peakMb, memoryMb());
    }
    const lags = await waitForLags(connectionString, "punctual_%", punctualDags);
    const made = await waitForLags(connectionString, "late_%", lateDags);
    return [
      {
        what: `others' lag beside ${lateDags} × ${missedSlots} missed slots, p99`,
        value: percentile(lags, 0.99),
        unit: "ms",
        goal: "",
      },
      { what: "the same, worst", value: Math.max(...lags), unit: "ms", goal: "< 10000 ms" },
      { what: "memory that the scheduler gained", value: peakMb - before, unit: "MiB", goal: "< 200 MiB" },
      { what: "missed slots made meanwhile", value: made.length / fairnessSeconds, unit: "per second", goal: "" },
    ];
  } finally {
    await stop();
  }
}

async function startOne(connectionString: string): Promise<{ store: Store; stop: () => Promise<void> }> {
  await migrate({ connectionString, logger });
  const toPlan = (definition: unknown): ReturnType<typeof planOf> => planOf(definition as Definition);
  const store = await openPostgresStore({ connectionString, poolSize: 12, toPlan, logger });
  const service = createScheduler({ store, schedulerId: "bench", leaseMs: 8000, pollingIntervalMs: 5000, logger });
  await service.start();
  return {
    store,
    stop: async () => {
      await service.stop();
      await store.close();
    },
  };
}

/** A definition of one task. */
async function register(store: Store, id: string, schedule: Definition["schedule"] & object): Promise<void> {
  const run = { runTimeoutMs: null, priority: 0, executor: null };
  const definition = { id, schedule, tasks: [task], parameters: {}, additionalParameters: true, ...run };
  const facts = { text: "", hash: id, description: "", owner: "", tags: [] };
  const row = startSchedule(schedule, store.now());
  await store.definitions.register({ dagId: id, filePath: null, source: "api", definition, schedule: row, ...facts });
}

const task = {
  id: "only",
  type: "noop",
  dependencies: [],
  triggerRule: "all_success",
  when: null,
  allowFailure: false,
  timeoutMs: minuteMs,
  queueTimeoutMs: null,
  graceMs: 1000,
  queue: "default",
  pool: null,
  priority: 0,
  executor: null,
  keepPartialOutputs: false,
  retry: { maxRetries: 0, maxInfraRetries: 0 },
};

/** Milliseconds from the date of each run to its row, once there are enough of them. */
async function waitForLags(connectionString: string, dagIds: string, count: number): Promise<readonly number[]> {
  const client = new Client({ connectionString });
  await client.connect();
  const text = `SELECT extract(epoch FROM queued_at - logical_at)::float8 * 1000 AS lag FROM dag_runs WHERE dag_id LIKE $1 ORDER BY run_key`;
  try {
    for (;;) {
      const { rows } = await client.query<{ lag: number }>(text, [dagIds]);
      if (rows.length >= count) return rows.map(({ lag }) => lag);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  } finally {
    await client.end();
  }
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function memoryMb(): number {
  return process.memoryUsage().rss / 1024 / 1024;
}
