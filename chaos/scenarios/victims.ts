import type { ServiceName } from "#testing/cluster/cluster-options.ts";
import type { ClusterProcess } from "#testing/cluster/cluster-process.ts";
import { queryRow } from "../stage/query-row.ts";
import type { Stage } from "../stage/scenario.ts";

/** Where a fault may hurt most is drawn most often. */
const bag: readonly ServiceName[] = ["worker", "executor", "worker", "executor", "scheduler", "gateway", "parser"];

const busiestText = `SELECT (SELECT w.worker_id FROM task_instances i JOIN workers w USING (worker_key)
  WHERE i.held GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1) AS id`;

/** Draws without end: all services have their turn before one comes more often than the bag has it. */
export function createVictims(stage: Pick<Stage, "cluster" | "random">): () => Promise<ClusterProcess> {
  const { cluster, random } = stage;
  let left: ServiceName[] = [];
  return async () => {
    if (left.length === 0) left = [...bag];
    const [service = "worker"] = left.splice(random.below(left.length), 1);
    return service === "worker" ? findBusyWorker(stage) : random.pick(cluster.of(service));
  };
}

/** The worker that has most to lose; any, when nobody runs anything. */
export async function findBusyWorker({ cluster, random }: Pick<Stage, "cluster" | "random">): Promise<ClusterProcess> {
  const { id } = await queryRow<{ id: string | null }>(cluster.databaseUrl, busiestText);
  return cluster.of("worker").find(({ name }) => name === id) ?? random.pick(cluster.of("worker"));
}
