import { availableParallelism, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { formatGoals, type Goal } from "./cluster/goal.ts";
import { measureBacklog } from "./cluster/measure-backlog.ts";
import { measureFailover } from "./cluster/measure-failover.ts";
import { measureIdleServices } from "./cluster/measure-idle-services.ts";
import { measureShapes } from "./cluster/measure-shapes.ts";
import { measureSustained } from "./cluster/measure-sustained.ts";

type Part = (isQuick: boolean) => Promise<readonly Goal[]>;

const parts: ReadonlyMap<string, Part> = new Map([
  ["shapes", measureShapes],
  ["sustained", measureSustained],
  ["backlog", measureBacklog],
  ["failover", measureFailover],
  ["idle", measureIdleServices],
]);

/**
 * The services as processes, with Kafka and a PostgreSQL that syncs, beside what we set ourselves. `quick` is small and
 * short: it shows that a part works, and its figures say nothing.
 */
export async function benchCluster(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { only: { type: "string" } },
    allowPositionals: true,
  });
  const wanted = values.only?.split(",") ?? [...parts.keys()];
  if (wanted.some((name) => !parts.has(name)) || positionals.some((word) => word !== "quick")) {
    console.error(`cluster [quick] [--only PART,…], where a PART is one of ${[...parts.keys()].join(", ")}`);
    process.exitCode = 2;
    return;
  }
  const isQuick = positionals.length > 0;
  console.log(JSON.stringify({ cores: availableParallelism(), load: loadavg()[0], isQuick }));
  const goals: Goal[] = [];
  for (const [name, measure] of parts) {
    if (!wanted.includes(name)) continue;
    const found = await measure(isQuick);
    for (const goal of found) console.log(JSON.stringify({ part: name, ...goal }));
    goals.push(...found);
  }
  console.log(`\n${formatGoals(goals)}`);
  if (isQuick) console.log("\nquick: these figures say only that everything runs");
}
