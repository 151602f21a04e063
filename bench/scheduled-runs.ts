import { Client } from "pg";
import type { Definition } from "#definition/model.ts";
import { planOf } from "#definition/plan-of.ts";
import { operatorSchemas } from "#operators/registry.ts";
import type { Store } from "#ports/store.ts";
import { readDefinition } from "#services/parser/read-definition.ts";
import { registerDefinition } from "#services/parser/register-definition.ts";
import { createScheduler } from "#services/scheduler/scheduler.ts";
import { slimCache } from "#store/changes/cache-limits.ts";
import { migrate } from "#store/postgres/migrate.ts";
import { openPostgresStore } from "#store/postgres/postgres-store.ts";
import { createLogger } from "#telemetry/logger.ts";

export interface ScheduleFigure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly goal: string;
}

type Progress = (text: string) => void;

/** Warnings too: a run that can't be made is tried again, and shows in no figure. */
const logger = createLogger({ level: "warn", format: "text", component: "bench" });

const dueTogether = 1000;
const togetherSeconds = 15;
/** Dates of the 1,000: the first warms everything, the second is measured. */
const togetherDates = 2;
const togetherDeadlineSeconds = 120;
const lateDags = 200;
const missedSlots = 1440;
const punctualDags = 50;
const punctualSeconds = 5;
const fairnessSeconds = 45;
const pollMs = 100;
const minuteMs = 60_000;
const dayMs = 86_400_000;

/** Lag of runs that are all due at one instant; the second time, when all is warm. */
export async function measureTogether(url: string, progress: Progress): Promise<readonly ScheduleFigure[]> {
  const { store, start, stop } = await openOne(url);
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await start();
    progress(`registering ${dueTogether} DAGs, due together every ${togetherSeconds} s`);
    for (let index = 0; index < dueTogether; index += 1) {
      await register(store, `together_${index}`, `"@every ${togetherSeconds}s"`);
    }
    progress(`waiting for ${togetherDates} dates on which all ${dueTogether} ran`);
    const { last, seenAfter } = await waitForDates(client, progress);
    const name = `${dueTogether} DAGs due at once`;
    return [
      { what: `lag of ${name}, p50`, value: percentile(last, 0.5), unit: "ms", goal: "" },
      { what: `lag of ${name}, p99`, value: percentile(last, 0.99), unit: "ms", goal: "< 1000 ms" },
      { what: "until all of them are in the database", value: seenAfter, unit: "ms", goal: "" },
    ];
  } finally {
    await client.end();
    await stop();
  }
}

/** The lags of the last date, and how long after that date its last run could be read, to `pollMs`. */
async function waitForDates(
  client: Client,
  progress: Progress,
): Promise<{ readonly last: readonly number[]; readonly seenAfter: number }> {
  const full = `SELECT logical_at::text AS date, extract(epoch FROM clock_timestamp() - logical_at)::float8 * 1000 AS ago
    FROM dag_runs GROUP BY logical_at HAVING count(*) = $1 ORDER BY logical_at`;
  const deadline = performance.now() + togetherDeadlineSeconds * 1000;
  let seen = 0;
  while (performance.now() < deadline) {
    const { rows } = await client.query<{ date: string; ago: number }>(full, [dueTogether]);
    if (rows.length > seen) progress(`${rows.length} of ${togetherDates} dates`);
    seen = rows.length;
    const reached = rows[togetherDates - 1];
    if (reached !== undefined) return { last: await lagsOf(client, "together_", reached.date), seenAfter: reached.ago };
    await pause(pollMs);
  }
  throw new Error(`after ${togetherDeadlineSeconds} s all ${dueTogether} DAGs had run on ${seen} dates only`);
}

/** DAGs that are on time beside 200 that missed a day of minutes each and catch up all of it. */
async function measureFairness(url: string, progress: Progress): Promise<readonly ScheduleFigure[]> {
  const { store, start, stop } = await openOne(url);
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const startAt = Math.floor(store.now() / minuteMs) * minuteMs - missedSlots * minuteMs;
    const startText = new Date(startAt).toISOString().slice(0, 19).replace("T", " ");
    const late = `{cron: "* * * * *", start_date: "${startText}", catchup: all, max_catchup: ${2 * missedSlots}}`;
    progress(`registering ${lateDags} DAGs with ${missedSlots} missed slots and ${punctualDags} without`);
    for (let index = 0; index < lateDags; index += 1) await register(store, `late_${index}`, late);
    const often = `"@every ${punctualSeconds}s"`;
    for (let index = 0; index < punctualDags; index += 1) await register(store, `punctual_${index}`, often);
    // Registering is what a parser does: it counts neither for the memory nor for the time.
    const before = memoryMb();
    await start();
    let peakMb = 0;
    for (let second = 1; second <= fairnessSeconds; second += 1) {
      await pause(1000);
      peakMb = Math.max(peakMb, memoryMb());
      if (second % 15 === 0) progress(`${second} of ${fairnessSeconds} s of catching up`);
    }
    const lags = await lagsOf(client, "punctual_");
    const made = await lagsOf(client, "late_");
    const name = `others' lag beside ${lateDags} × ${missedSlots} missed slots`;
    const expected = punctualDags * Math.floor(fairnessSeconds / punctualSeconds - 1);
    if (lags.length < expected) throw new Error(`the others made ${lags.length} runs, expected ${expected} at least`);
    return [
      { what: `${name}, p99`, value: percentile(lags, 0.99), unit: "ms", goal: "" },
      { what: "the same, worst", value: Math.max(...lags), unit: "ms", goal: "< 10000 ms" },
      { what: "memory that the process gained", value: peakMb - before, unit: "MiB", goal: "< 200 MiB" },
      { what: "missed slots made meanwhile", value: made.length / fairnessSeconds, unit: "per second", goal: "" },
    ];
  } finally {
    await client.end();
    await stop();
  }
}

/** A scheduler that has not begun yet. */
async function openOne(url: string): Promise<{ store: Store; start: () => Promise<void>; stop: () => Promise<void> }> {
  await migrate({ connectionString: url, logger });
  const toPlan = (definition: unknown): ReturnType<typeof planOf> => planOf(definition as Definition);
  const store = await openPostgresStore({ connectionString: url, poolSize: 12, toPlan, cache: slimCache, logger });
  const service = createScheduler({ store, schedulerId: "bench", leaseMs: 8000, pollingIntervalMs: 5000, logger });
  return {
    store,
    start: async () => service.start(),
    stop: async () => {
      await service.stop();
      await store.close();
    },
  };
}

/** A definition of one task, read and put in force as the parser does it. */
async function register(store: Store, id: string, schedule: string): Promise<void> {
  const text = `id: ${id}\nschedule: ${schedule}\ntasks: [{id: only, type: noop, operator: {}}]\n`;
  const rules = { operators: operatorSchemas, maxTaskTimeoutMs: dayMs };
  const read = readDefinition(Buffer.from(text), `${id}.yaml`, rules);
  if (read.kind === "invalid") throw new Error(`${id} has problems: ${JSON.stringify(read.problems[0])}`);
  await registerDefinition(store, read, null);
}

/** Milliseconds from the date of each run to when the scheduler made it; null: of all dates. */
async function lagsOf(client: Client, prefix: string, date: string | null = null): Promise<readonly number[]> {
  const { rows } = await client.query<{ lag: number }>(
    `SELECT extract(epoch FROM queued_at - logical_at)::float8 * 1000 AS lag FROM dag_runs
     WHERE starts_with(dag_id, $1) AND ($2::timestamptz IS NULL OR logical_at = $2::timestamptz)`,
    [prefix, date],
  );
  return rows.map(({ lag }) => lag);
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function memoryMb(): number {
  return process.memoryUsage().rss / 1024 / 1024;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

if (import.meta.main) {
  const startedAt = performance.now();
  const progress: Progress = (text) =>
    console.error(`${((performance.now() - startedAt) / 1000).toFixed(0).padStart(4)} s  ${text}`);
  const rows = await measureFairness(process.argv[2] ?? "", progress);
  process.send?.(rows);
  process.disconnect?.();
}
