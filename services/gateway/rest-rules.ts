import type { DescMethod, Message } from "@bufbuild/protobuf";
import { ApprovalService } from "#gen/millrace/v1/approval_service_pb.js";
import { ArtifactService } from "#gen/millrace/v1/artifact_service_pb.js";
import { type Backfill, BackfillService, type CreateBackfillResponse } from "#gen/millrace/v1/backfill_service_pb.js";
import { DagService, type PushDagResponse } from "#gen/millrace/v1/dag_service_pb.js";
import { DagVersionService } from "#gen/millrace/v1/dag_version_service_pb.js";
import { DeadLetterService } from "#gen/millrace/v1/dead_letter_service_pb.js";
import { DoctorService } from "#gen/millrace/v1/doctor_service_pb.js";
import { EventSchema, EventService, type StreamEventsResponse } from "#gen/millrace/v1/event_service_pb.js";
import { PoolService } from "#gen/millrace/v1/pool_service_pb.js";
import { RunService, type TriggerDagRunResponse, type UpdateDagRunResponse } from "#gen/millrace/v1/run_service_pb.js";
import { SensorService } from "#gen/millrace/v1/sensor_service_pb.js";
import { type GetHealthResponse, SystemService } from "#gen/millrace/v1/system_service_pb.js";
import { TaskService } from "#gen/millrace/v1/task_service_pb.js";
import { TemplateService } from "#gen/millrace/v1/template_service_pb.js";
import { WorkerAdminService } from "#gen/millrace/v1/worker_admin_service_pb.js";
import type { HttpRequest, HttpResponse } from "#rpc/http/exchange.ts";
import type { RestRules } from "#rpc/rest/rest-handler.ts";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { eventStreamResponse, type ServerSentEvent } from "#rpc/sse/event-stream.ts";
import { toProblemEvent } from "./events/problem-event.ts";
import { renderArtifact } from "./artifacts/render-artifact.ts";
import { renderLog } from "./logs/render-log.ts";

export const restServices = [
  DagService,
  DagVersionService,
  RunService,
  TaskService,
  ArtifactService,
  TemplateService,
  BackfillService,
  SensorService,
  EventService,
  DeadLetterService,
  ApprovalService,
  WorkerAdminService,
  PoolService,
  SystemService,
  DoctorService,
] as const;

/** A request that may be sent again names itself in a header. */
const repeatable: RestRules = { headers: { "idempotency-key": "request_id" } };

/** What the annotations of the public services can't say. */
export const restRules: ReadonlyMap<DescMethod, RestRules> = new Map<DescMethod, RestRules>([
  [DagService.method.listDags, { filterTerms: ["is_active"] }],
  [SensorService.method.listSensors, { filterTerms: ["dag_id", "type", "failing"] }],
  [
    DagService.method.pushDag,
    {
      respond: (response) => {
        const { dagId, changed } = response as PushDagResponse;
        return { status: changed ? 201 : 200, headers: { location: `/api/v1/dags/${encodeURIComponent(dagId)}` } };
      },
    },
  ],
  [TemplateService.method.publishTemplates, { respond: () => ({ status: 201 }) }],
  [TemplateService.method.instantiateTemplate, { respond: () => ({ status: 201 }) }],
  [
    RunService.method.triggerDagRun,
    {
      ...repeatable,
      respond: (response) => {
        const { dagRun, repeatedRequest } = response as TriggerDagRunResponse;
        const location = `/api/v1/dagRuns/${encodeURIComponent(dagRun?.dagRunId ?? "")}`;
        return { status: repeatedRequest ? 200 : 201, headers: { location } };
      },
    },
  ],
  // A dry run has made nothing: what it would do is the answer.
  [
    BackfillService.method.createBackfill,
    {
      ...repeatable,
      responseField: (response) => (isMade(response) ? "backfill" : "preview"),
      respond: (response) => {
        if (!isMade(response)) return { status: 200 };
        const { backfill, repeatedRequest } = response;
        const location = `/api/v1/backfills/${encodeURIComponent(backfill.backfillId)}`;
        return { status: repeatedRequest ? 200 : 201, headers: { location } };
      },
    },
  ],
  [BackfillService.method.listBackfills, { filterTerms: ["state", "dag_id"] }],
  // A planned clear has nothing to show of the run: its plan is the answer.
  [
    RunService.method.updateDagRun,
    {
      ...repeatable,
      responseField: (response) => ((response as UpdateDagRunResponse).dagRun === undefined ? "repair" : "dag_run"),
    },
  ],
  [RunService.method.rerunDagRun, repeatable],
  [RunService.method.clearDagRun, repeatable],
  [RunService.method.markDagRun, repeatable],
  [TaskService.method.clearTaskInstance, repeatable],
  [TaskService.method.markTaskInstance, repeatable],
  [
    SystemService.method.getHealth,
    { respond: (response) => ({ status: (response as GetHealthResponse).status === "unhealthy" ? 503 : 200 }) },
  ],
  [EventService.method.streamEvents, { headers: { "last-event-id": "after_id" }, renderStream: renderEvents }],
  [TaskService.method.streamLogs, { headers: { "last-event-id": "after", range: "range" }, renderStream: renderLog }],
  [ArtifactService.method.downloadArtifact, { renderStream: renderArtifact }],
]);

type MadeBackfill = CreateBackfillResponse & { readonly backfill: Backfill };

function isMade(response: Message): response is MadeBackfill {
  return (response as CreateBackfillResponse).backfill !== undefined;
}

/** Unnamed events, so that `onmessage` of a browser gets all of them; each has its id for `Last-Event-ID`. */
async function renderEvents(messages: AsyncIterable<Message>, request: HttpRequest): Promise<HttpResponse> {
  return eventStreamResponse(toServerSentEvents(messages), {
    signal: request.signal,
    onError: (thrown) => toProblemEvent(thrown, request.id),
  });
}

async function* toServerSentEvents(messages: AsyncIterable<Message>): AsyncGenerator<readonly ServerSentEvent[]> {
  for await (const message of messages) {
    yield (message as StreamEventsResponse).events.map((event) => ({
      id: String(event.id),
      data: JSON.stringify(messageToJson(EventSchema, event)),
    }));
  }
}
