import type { Client } from "@connectrpc/connect";
import type { ArtifactService } from "#gen/millrace/v1/artifact_service_pb.js";
import type { DagService } from "#gen/millrace/v1/dag_service_pb.js";
import type { RunService } from "#gen/millrace/v1/run_service_pb.js";
import type { TaskService } from "#gen/millrace/v1/task_service_pb.js";

/** What the views ask: the same handlers as every other client. */
export interface PageClients {
  readonly dags: Client<typeof DagService>;
  readonly runs: Client<typeof RunService>;
  readonly tasks: Client<typeof TaskService>;
  readonly artifacts: Client<typeof ArtifactService>;
}

/** A request for a view: the ids in its path, decoded, and the cursor of its list. */
export interface PageView {
  readonly clients: PageClients;
  readonly ids: readonly string[];
  readonly query: URLSearchParams;
  readonly signal: AbortSignal;
}
