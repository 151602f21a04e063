import { once } from "node:events";
import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { DagService } from "#gen/millrace/v1/dag_service_pb.js";
import { EventService, type StreamEventsResponse } from "#gen/millrace/v1/event_service_pb.js";
import { RunService, type TriggerDagRunRequest, type TriggerDagRunResponse } from "#gen/millrace/v1/run_service_pb.js";
import { AppError } from "#errors/app-error.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "../http/exchange.ts";
import { problemResponse } from "../http/problem.ts";
import { createInProcessTransport } from "../transport.ts";
import { createRestHandler, type RestRules } from "./rest-handler.ts";

const logger = pino({ level: "silent" });

/** What the handlers were asked last. */
interface Seen {
  trigger?: TriggerDagRunRequest;
  list?: unknown;
  headers?: Headers;
  streamEnded?: boolean;
}

function routes(seen: Seen) {
  return (router: ConnectRouter): void => {
    router.service(RunService, {
      triggerDagRun: (request, context) => {
        seen.trigger = request;
        seen.headers = context.requestHeader;
        if (request.dagId === "gone")
          throw new AppError("DAG_NOT_FOUND", "no DAG gone", { details: { dag_id: "gone" } });
        if (request.dagId === "busy")
          throw new AppError("DATABASE_UNAVAILABLE", "away", { details: { retry_after_ms: 2500 } });
        if (request.dagId === "bug") throw new TypeError("secret");
        return { dagRun: { dagRunId: "r1", dagId: request.dagId }, repeatedRequest: request.requestId === "again" };
      },
      listDagRuns: (request) => {
        seen.list = request;
        return { pageSize: request.limit };
      },
      getDagRun: (request) => ({ dagRun: { dagRunId: request.dagRunId, dagId: request.dagId } }),
    });
    router.service(DagService, {
      updateDag: (request) => ({ dag: { dagId: request.dagId, isPaused: request.isPaused === true } }),
    });
    router.service(EventService, {
      async *streamEvents(request, context) {
        if (request.eventType === "bad") throw new AppError("INVALID_ARGUMENT", "bad filter");
        try {
          yield { events: [{ id: (request.afterId ?? 0n) + 1n }] };
          if (!context.signal.aborted) await once(context.signal, "abort");
        } finally {
          seen.streamEnded = true;
        }
      },
    });
  };
}

const rules = new Map<DescMethod, RestRules>([
  [RunService.method.listDagRuns, { filterTerms: ["tag"] }],
  [
    RunService.method.triggerDagRun,
    {
      headers: { "idempotency-key": "request_id" },
      respond: (response) => ({ status: (response as TriggerDagRunResponse).repeatedRequest ? 200 : 201 }),
    },
  ],
  [
    EventService.method.streamEvents,
    {
      headers: { "last-event-id": "after_id" },
      renderStream: async (messages) => {
        async function* body() {
          for await (const message of messages) yield String((message as StreamEventsResponse).events[0]?.id);
        }
        return { status: 200, headers: {}, body: body() };
      },
    },
  ],
]);

function serve(seen: Seen = {}): HttpHandler {
  const transport = createInProcessTransport(routes(seen), { logger });
  const rest = createRestHandler({ services: [DagService, RunService, EventService], transport, rules });
  return async (request) => {
    try {
      return await rest(request);
    } catch (thrown) {
      return problemResponse(AppError.from(thrown), request.id);
    }
  };
}

function request(
  method: string,
  url: string,
  options: { body?: unknown; headers?: Record<string, string>; signal?: AbortSignal } = {},
): HttpRequest {
  const [path = "", query = ""] = url.split("?");
  const body = typeof options.body === "string" ? options.body : JSON.stringify(options.body ?? "");
  return {
    id: "q1",
    method,
    path,
    query: new URLSearchParams(query),
    header: (name) => options.headers?.[name] ?? null,
    signal: options.signal ?? new AbortController().signal,
    readBody: async () => Buffer.from(options.body === undefined ? "" : body),
  };
}

function jsonOf(response: HttpResponse): Record<string, unknown> {
  if (typeof response.body !== "string") throw new TypeError("the answer is no text");
  return JSON.parse(response.body) as Record<string, unknown>;
}

describe("a unary route", () => {
  test("takes path and body, answers the annotated field, and calls with the request's id", async () => {
    const seen: Seen = {};
    const body = { parameters: { name: "Ada" }, note: "n" };
    const response = await serve(seen)(request("POST", "/api/v1/dags/a%2Fb%20c/dagRuns", { body }));
    expect(response.status).toBe(201);
    expect(jsonOf(response)).toMatchObject({ dag_run_id: "r1", dag_id: "a/b c", end_date: null });
    expect(seen.trigger).toMatchObject({ dagId: "a/b c", parameters: { name: "Ada" }, note: "n" });
    expect(seen.headers?.get("x-request-id")).toBe("q1");
  });

  test("has its other bindings, an empty body, query parameters and headers for fields", async () => {
    const seen: Seen = {};
    const headers = { "idempotency-key": "again" };
    const response = await serve(seen)(request("POST", "/api/v1/dags/a/trigger?wait=true", { headers }));
    expect(response.status).toBe(200);
    expect(seen.trigger).toMatchObject({ wait: true, requestId: "again" });
  });

  test("reads numbers, text and filter terms from the query", async () => {
    const seen: Seen = {};
    const url = "/api/v1/dags/a/dagRuns?limit=5&state=failed,running&sort=-start_date&filter=owner:me&tag=a%20b";
    expect(jsonOf(await serve(seen)(request("GET", url)))).toMatchObject({
      page_size: 5,
      dag_runs: [],
      total_count: 0,
    });
    expect(seen.list).toMatchObject({ dagId: "a", limit: 5, state: "failed,running", sort: "-start_date" });
    expect(seen.list).toMatchObject({ filter: 'owner:me tag:"a b"' });
  });

  test("a percent sign that was encoded twice stays encoded once", async () => {
    const response = await serve()(request("GET", "/api/v1/dagRuns/a%2541b"));
    expect(jsonOf(response)).toMatchObject({ dag_run_id: "a%41b" });
  });
});

describe("refused is", () => {
  test.each([
    ["an unknown route", "GET", "/api/v1/dogs", undefined, 404, "ROUTE_NOT_FOUND"],
    ["a route with a slash too many", "GET", "/api/v1/dagRuns/", undefined, 404, "ROUTE_NOT_FOUND"],
    ["another method", "PUT", "/api/v1/dagRuns/r1", undefined, 405, "METHOD_NOT_ALLOWED"],
    ["a broken percent sign", "GET", "/api/v1/dagRuns/%zz", undefined, 400, "INVALID_ARGUMENT"],
    ["an unknown query parameter", "GET", "/api/v1/dagRuns?limt=5", undefined, 400, "INVALID_ARGUMENT"],
    ["a repeated query parameter", "GET", "/api/v1/dagRuns?limit=5&limit=6", undefined, 400, "INVALID_ARGUMENT"],
    ["text for a number", "GET", "/api/v1/dagRuns?limit=five", undefined, 400, "INVALID_ARGUMENT"],
    ["an object in the query", "POST", "/api/v1/dags/a/trigger?parameters=1", undefined, 400, "INVALID_ARGUMENT"],
    ["a body that is no JSON", "POST", "/api/v1/dags/a/trigger", "{", 400, "INVALID_ARGUMENT"],
    ["a field in body and query", "POST", "/api/v1/dags/a/trigger?note=x", { note: "y" }, 400, "INVALID_ARGUMENT"],
    [
      "another id in the body than in the path",
      "POST",
      "/api/v1/dags/a/trigger",
      { dag_id: "b" },
      400,
      "INVALID_ARGUMENT",
    ],
    ["a body where none is taken", "DELETE", "/api/v1/dagRuns/r1", { reason: "x" }, 400, "INVALID_ARGUMENT"],
    ["what a handler refuses", "POST", "/api/v1/dags/gone/trigger", {}, 404, "DAG_NOT_FOUND"],
    ["a bug, without its cause", "POST", "/api/v1/dags/bug/trigger", {}, 500, "INTERNAL"],
    ["a bad stream, before it begins", "GET", "/api/v1/events?event_type=bad", undefined, 400, "INVALID_ARGUMENT"],
  ])("%s", async (_name, method, url, body, status, code) => {
    const response = await serve()(request(method, url, { body }));
    expect(response.status).toBe(status);
    expect(response.headers["content-type"]).toBe("application/problem+json");
    const problem = jsonOf(response);
    expect(Object.keys(problem)).toEqual(["error_code", "message", "details", "request_id", "timestamp"]);
    expect(problem).toMatchObject({ error_code: code, request_id: "q1" });
    expect(problem["message"]).not.toContain("secret");
    expect(problem["timestamp"]).toMatch(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/);
  });

  test("a wrong method names the right ones, an absent dependency says when to come back", async () => {
    const wrong = await serve()(request("PUT", "/api/v1/dagRuns/r1"));
    expect(wrong.headers["allow"]).toBe("GET, DELETE, PATCH");
    const away = await serve()(request("POST", "/api/v1/dags/busy/trigger"));
    expect(away).toMatchObject({ status: 503, headers: { "retry-after": "3" } });
  });
});

test("details survive the way through the transport", async () => {
  const response = await serve()(request("POST", "/api/v1/dags/gone/trigger", { body: {} }));
  expect(jsonOf(response)).toMatchObject({ message: "no DAG gone", details: { dag_id: "gone" } });
});

test("HEAD answers as GET, OPTIONS says what is allowed", async () => {
  expect((await serve()(request("HEAD", "/api/v1/dagRuns"))).status).toBe(200);
  expect(await serve()(request("OPTIONS", "/api/v1/dagRuns/r1"))).toMatchObject({
    status: 204,
    headers: { allow: "GET, DELETE, PATCH" },
  });
});

test("a stream resumes after its header, which wins over the query, and ends with the client", async () => {
  const seen: Seen = {};
  const client = new AbortController();
  const headers = { "last-event-id": "41" };
  const response = await serve(seen)(request("GET", "/api/v1/events?after_id=3", { headers, signal: client.signal }));
  const chunks = (response.body as AsyncIterable<string>)[Symbol.asyncIterator]();
  expect((await chunks.next()).value).toBe("42");
  client.abort();
  await expect(chunks.next()).rejects.toThrow(AppError);
  await expect.poll(() => seen.streamEnded).toBe(true);
});

test("null in a body leaves an optional field absent, false sets it", async () => {
  const paused = await serve()(request("PATCH", "/api/v1/dags/a", { body: { is_paused: true } }));
  expect(jsonOf(paused)).toMatchObject({ is_paused: true });
});
