import { create } from "@bufbuild/protobuf";
import type { JsonObject } from "#definition/model.ts";
import { DagRunSchema } from "#gen/millrace/v1/run_service_pb.js";
import { TaskInstanceSchema } from "#gen/millrace/v1/task_service_pb.js";
import type { InstanceView } from "#ports/run-views.ts";
import type { Store } from "#ports/store.ts";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { toRunMessage } from "#services/gateway/runs/run-message.ts";
import { toTaskInstanceMessage } from "#services/gateway/runs/task-message.ts";
import { toXcomValues } from "#services/gateway/runs/xcom-message.ts";

const instancesPerPage = 100;

/** A run as the API would answer it, with its task instances and their outputs. */
export async function runAsJson(store: Store, runId: string): Promise<JsonObject> {
  const run = await store.queries.getRun(runId);
  if (run === null) return {};
  const outputs = Map.groupBy(await store.queries.listOutputs(runId, null), placeOf);
  const instances = (await listAll(store, runId)).map((view) =>
    create(TaskInstanceSchema, {
      ...toTaskInstanceMessage(view),
      xcomValues: toXcomValues(outputs.get(placeOf(view)) ?? []),
    }),
  );
  return {
    ...(messageToJson(DagRunSchema, create(DagRunSchema, toRunMessage(run))) as JsonObject),
    task_instances: instances.map((instance) => messageToJson(TaskInstanceSchema, instance)),
  };
}

function placeOf({ taskId, mapIndex }: { readonly taskId: string; readonly mapIndex: number | null }): string {
  return `${taskId} ${mapIndex ?? ""}`;
}

async function listAll(store: Store, runId: string): Promise<readonly InstanceView[]> {
  const all: InstanceView[] = [];
  let cursor: string | null = null;
  do {
    const page: { items: readonly InstanceView[]; nextCursor: string | null } = await store.queries.listInstances(
      { limit: instancesPerPage, cursor, sort: null },
      { runId, dagId: null, states: [], runningLongerThanMs: null },
    );
    all.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return all;
}
