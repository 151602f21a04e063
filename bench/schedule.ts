import { fork } from "node:child_process";
import { once } from "node:events";
import { checkCron } from "#schedule/cron.ts";
import { nextFireTimes } from "#schedule/next-fire-times.ts";
import { openSchedule, type ScheduleSpec } from "#schedule/schedule.ts";
import { startBenchDatabase } from "./database.ts";
import { formatTable } from "./measure.ts";
import { measureTogether, type ScheduleFigure } from "./scheduled-runs.ts";

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

/** How long the arithmetic of schedules takes, how late runs are when many are due, and what many missed slots do to the others. */
export async function benchSchedule(): Promise<void> {
  const startedAt = performance.now();
  const progress = (text: string): void =>
    console.error(`${((performance.now() - startedAt) / 1000).toFixed(0).padStart(4)} s  ${text}`);
  progress(`${expressions.length} expressions in ${zones.length} zones`);
  const rows = [...measureArithmetic()];
  const server = await startBenchDatabase(["bench_together", "bench_fairness"]);
  const [togetherUrl = "", fairnessUrl = ""] = server.urls;
  try {
    rows.push(...(await measureTogether(togetherUrl, progress)));
    rows.push(...(await measureAsService(fairnessUrl)));
  } finally {
    await server.stop();
  }
  for (const row of rows) console.log(JSON.stringify(row));
  const cells = rows.map(({ what, value, unit, goal }) => [what, `${value.toFixed(2)} ${unit}`, goal]);
  console.log(`\n${formatTable([["what", "measured", "goal"], ...cells])}`);
}

/** A process of its own, with the flags of one that `millrace start scheduler` starts: its memory is one of the figures. */
async function measureAsService(url: string): Promise<readonly ScheduleFigure[]> {
  const child = fork(new URL("./scheduled-runs.ts", import.meta.url), [url], { execArgv: ["--max-semi-space-size=2"] });
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`the process beside missed slots ended with ${code} before its figures came`);
  });
  const [rows] = (await Promise.race([once(child, "message"), ended])) as [readonly ScheduleFigure[]];
  return rows;
}

/** The worst of all expressions in all zones, each measured when it is warm. */
function measureArithmetic(): readonly ScheduleFigure[] {
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
