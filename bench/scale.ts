import { fairWaits } from "#simulation/fair-share.ts";
import { type ScaleResult, simulateScale } from "#simulation/scale.ts";
import { formatTable } from "./measure.ts";

const largeTasks = 50_000;
const smallDags = 199;
const executors = [1, 2, 4, 8] as const;
/** As measured on two cores for one statement of a hop, and for each further row of a batch. */
const database = { connections: 8, perRequestMs: 0.8, perRowMs: 0.06 };

/** 1,000 workers and 100,000 queued tasks in simulation: how fast, and how fair. `quick`: a tenth of it. */
export async function benchScale([mode]: readonly string[]): Promise<void> {
  const scale = mode === "quick" ? 0.1 : 1;
  const small = Math.round((largeTasks * scale) / smallDags);
  const dagSizes = [largeTasks * scale, ...Array.from({ length: smallDags }, () => small)];
  const workers = 1000 * scale;
  const rows: string[][] = [
    ["executors", "tasks of a run", "hops/s", "small DAGs' worst wait / fair share", "large DAG's", "real s"],
  ];
  for (const [count, tasksPerRun] of executors.flatMap((some) => [[some, largeTasks] as const, [some, 50] as const])) {
    const startedAt = performance.now();
    const result = await simulateScale({
      executors: count,
      workers,
      slotsPerWorker: 4,
      dagSizes,
      tasksPerRun,
      taskMs: 100,
      database,
    });
    if (result.violations.length > 0) throw new Error(result.violations[0]);
    const { large, worstSmall } = unfairness(result);
    const figure = { executors: count, tasksPerRun, hopsPerSecond: result.hopsPerSecond, worstSmall, large };
    console.log(JSON.stringify(figure));
    const realS = (performance.now() - startedAt) / 1000;
    rows.push([
      String(count),
      tasksPerRun === largeTasks ? "all" : String(tasksPerRun),
      result.hopsPerSecond.toFixed(0),
      worstSmall.toFixed(2),
      large.toFixed(2),
      realS.toFixed(0),
    ]);
  }
  console.log(`\n${formatTable(rows)}`);
}

/** The p99 wait of a DAG's tasks as a multiple of what a fair share would have given it. */
function unfairness({ waits, hopsPerSecond }: ScaleResult): { readonly large: number; readonly worstSmall: number } {
  const fair = fairWaits(
    waits.map(({ tasks }) => tasks),
    hopsPerSecond / 1000,
  );
  const [large = 0, ...small] = waits.map(({ p99Ms }, place) => p99Ms / (fair[place] ?? 1));
  return { large, worstSmall: Math.max(...small) };
}
