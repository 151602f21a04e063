import { AppError } from "#errors/app-error.ts";
import type { DagRun } from "#gen/millrace/v1/run_service_pb.js";
import type { TaskInstance } from "#gen/millrace/v1/task_service_pb.js";
import type { TreeTask } from "../rendering/tree-layout.ts";
import type { GatewayClient } from "./gateway-client.ts";
import { readPages } from "./pages.ts";

/** The word that stands for a DAG's newest run wherever a run id does. */
const latest = "latest";
/** As many instances as a run may have. */
const mostInstances = 100_000;

/** A run by its id, or the newest one of a DAG. Throws `RUN_NOT_FOUND`, and `INVALID_ARGUMENT` for `latest` without a DAG. */
export async function readRun(
  gateway: GatewayClient,
  { runId, dagId }: { runId: string; dagId: string | undefined },
): Promise<DagRun> {
  if (runId === latest && dagId === undefined) {
    throw new AppError("INVALID_ARGUMENT", "latest needs a DAG; add --dag DAG");
  }
  const { dagRun } = await gateway.runs.getDagRun({ dagRunId: runId, dagId: dagId ?? "" });
  if (dagRun === undefined)
    throw new AppError("RUN_NOT_FOUND", `there is no run ${runId}; list them with \`millrace runs\``);
  return dagRun;
}

export function readInstances(gateway: GatewayClient, dagRunId: string): Promise<readonly TaskInstance[]> {
  return readPages(mostInstances, async (page) => {
    const { taskInstances, nextCursor } = await gateway.tasks.listTaskInstances({ dagRunId, ...page });
    return { items: taskInstances, nextCursor };
  });
}

/** The tasks of a definition with their parents, as it is now; none where it can't be read. */
export async function readTreeTasks(gateway: GatewayClient, dagId: string): Promise<readonly TreeTask[]> {
  try {
    const { dag } = await gateway.dags.getDag({ dagId });
    return (dag?.tasks ?? []).map((task) => ({ id: task.id, parents: task.dependencies }));
  } catch (thrown) {
    if (thrown instanceof AppError && thrown.code === "DAG_NOT_FOUND") return [];
    throw thrown;
  }
}
