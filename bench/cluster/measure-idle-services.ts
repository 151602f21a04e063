import { measureIdle } from "../resources.ts";
import { dagId, shapes, toDefinition } from "../shapes.ts";
import { startBenchCluster } from "./bench-cluster.ts";
import { atMost, type Goal } from "./goal.ts";
import { memoryLimitMib } from "./memory-watch.ts";

const counted: ReadonlySet<string> = new Set(["parser", "scheduler", "executor", "worker"]);

/** Memory (sum of PSS) and processor time of the services with nothing to do, before and after work. */
export async function measureIdleServices(isQuick: boolean): Promise<readonly Goal[]> {
  const idleSeconds = isQuick ? 2 : 15;
  const bench = await startBenchCluster({
    definitions: new Map(shapes.map((shape) => [dagId(shape), toDefinition(shape)])),
  });
  const goals: Goal[] = [];
  try {
    for (const when of ["after the start", "after 1,343 tasks"]) {
      const figures = await Promise.all(
        bench.cluster.processes.map(async ({ service, pid }) => ({
          service,
          ...(await measureIdle([pid], idleSeconds)),
        })),
      );
      for (const { service, pssMb } of figures)
        goals.push(atMost(`idle ${service}, ${when}`, { value: pssMb, unit: "MiB", limit: null }));
      const four = figures.filter(({ service }) => counted.has(service));
      const total = four.reduce((sum, { pssMb }) => sum + pssMb, 0);
      const cpu = four.reduce((sum, { coreShare }) => sum + coreShare, 0);
      goals.push(
        atMost(`idle ${[...counted].join(", ")}, ${when}`, { value: total, unit: "MiB", limit: memoryLimitMib }),
        atMost(`the same, of one core`, { value: cpu * 100, unit: "%", limit: null }),
      );
      for (const shape of shapes) await bench.run(dagId(shape));
    }
    return goals;
  } finally {
    await bench.close();
  }
}
