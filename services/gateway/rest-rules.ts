import type { DescMethod, Message } from "@bufbuild/protobuf";
import { DagService } from "#gen/millrace/v1/dag_service_pb.js";
import { EventSchema, EventService, type StreamEventsResponse } from "#gen/millrace/v1/event_service_pb.js";
import { RunService, type TriggerDagRunResponse, type UpdateDagRunResponse } from "#gen/millrace/v1/run_service_pb.js";
import { type GetHealthResponse, SystemService } from "#gen/millrace/v1/system_service_pb.js";
import { TaskService } from "#gen/millrace/v1/task_service_pb.js";
import type { HttpRequest, HttpResponse } from "#rpc/http/exchange.ts";
import type { RestRules } from "#rpc/rest/rest-handler.ts";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { eventStreamResponse, type ServerSentEvent } from "#rpc/sse/event-stream.ts";
import { toProblemEvent } from "./problem-event.ts";
import { renderLog } from "./render-log.ts";

export const restServices = [DagService, RunService, TaskService, EventService, SystemService] as const;

/** What the annotations of the public services can't say. */
export const restRules: ReadonlyMap<DescMethod, RestRules> = new Map<DescMethod, RestRules>([
  [DagService.method.listDags, { filterTerms: ["is_active"] }],
  [
    RunService.method.triggerDagRun,
    {
      headers: { "idempotency-key": "request_id" },
      respond: (response) => {
        const { dagRun, repeatedRequest } = response as TriggerDagRunResponse;
        const location = `/api/v1/dagRuns/${encodeURIComponent(dagRun?.dagRunId ?? "")}`;
        return { status: repeatedRequest ? 200 : 201, headers: { location } };
      },
    },
  ],
  // A planned clear has nothing to show of the run: its plan is the answer.
  [
    RunService.method.updateDagRun,
    { responseField: (response) => ((response as UpdateDagRunResponse).dagRun === undefined ? "repair" : "dag_run") },
  ],
  [
    SystemService.method.getHealth,
    { respond: (response) => ({ status: (response as GetHealthResponse).status === "unhealthy" ? 503 : 200 }) },
  ],
  [EventService.method.streamEvents, { headers: { "last-event-id": "after_id" }, renderStream: renderEvents }],
  [TaskService.method.streamLogs, { headers: { "last-event-id": "after" }, renderStream: renderLog }],
]);

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
