import { once } from "node:events";
import http2 from "node:http2";
import net from "node:net";
import { create } from "@bufbuild/protobuf";
import { type ConnectRouter, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { pino } from "pino";
import { afterEach, describe, expect, test, vi } from "vitest";
import { EventService } from "#gen/millrace/v1/event_service_pb.js";
import { SystemService } from "#gen/millrace/v1/system_service_pb.js";
import { SessionRequestSchema, WorkerSessionService } from "#gen/millrace/v1/worker_session_service_pb.js";
import { AppError } from "#errors/app-error.ts";
import { fromConnectError } from "./connect-error.ts";
import type { HttpHandler } from "./http/exchange.ts";
import { type RunningServer, startServer } from "./server.ts";

const logger = pino({ level: "silent" });
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Health answers; an event stream that stays open; a session that echoes sequence numbers. */
function routes(seen: { sessionEnd?: string } = {}) {
  return (router: ConnectRouter): void => {
    router.service(SystemService, {
      getHealth: (_request, context) => {
        if (context.requestHeader.get("fail") === "app") {
          throw new AppError("RUN_EXISTS", "run r1 exists; use it", { details: { dag_run_id: "r1" } });
        }
        if (context.requestHeader.get("fail") === "bug") throw new TypeError("secret inside");
        return { status: "healthy", version: "1" };
      },
    });
    router.service(EventService, {
      async *streamEvents(_request, context) {
        yield { events: [{ id: 1n, eventType: "dag_run.created" }] };
        await once(context.signal, "abort");
      },
    });
    router.service(WorkerSessionService, {
      async *session(requests) {
        try {
          for await (const { message } of requests) {
            if (message.case !== "heartbeat") continue;
            yield { message: { case: "heartbeatReply", value: { sequence: message.value.sequence } } };
          }
        } catch (error) {
          seen.sessionEnd = (error as Error).message;
          throw error;
        }
      },
    });
  };
}

async function start(
  options: { handleHttp?: HttpHandler; seen?: { sessionEnd?: string } } = {},
): Promise<RunningServer> {
  const server = await startServer({
    host: "127.0.0.1",
    port: 0,
    routes: routes(options.seen),
    logger,
    closeTimeoutMs: 1_000,
    ...(options.handleHttp === undefined ? {} : { handleHttp: options.handleHttp }),
  });
  closers.push(() => server.close());
  return server;
}

const transports: readonly [string, (baseUrl: string) => Transport][] = [
  ["gRPC over h2c", (baseUrl) => createGrpcTransport({ baseUrl })],
  ["gRPC-Web over HTTP/1.1", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })],
  ["gRPC-Web over h2c", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "2" })],
  ["Connect over HTTP/1.1", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1" })],
  ["Connect over h2c", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2" })],
];

describe.each(transports)("a client of %s", (_name, connect) => {
  test("gets answers, errors of the catalogue and streams from the same port", async () => {
    const { url } = await start();
    const transport = connect(url);
    const system = createClient(SystemService, transport);

    expect(await system.getHealth({})).toMatchObject({ status: "healthy" });

    const known = await system.getHealth({}, { headers: { fail: "app" } }).catch(fromConnectError);
    expect(known).toMatchObject({
      code: "RUN_EXISTS",
      message: "run r1 exists; use it",
      details: { dag_run_id: "r1" },
    });
    const bug = (await system.getHealth({}, { headers: { fail: "bug" } }).catch(fromConnectError)) as AppError;
    expect(bug.code).toBe("INTERNAL");
    expect(bug.message).not.toContain("secret");

    const stop = new AbortController();
    const events = createClient(EventService, transport).streamEvents({}, { signal: stop.signal });
    const first = await events[Symbol.asyncIterator]().next();
    expect(first.value?.events[0]?.id).toBe(1n);
    stop.abort();
  });
});

test("@grpc/grpc-js calls unary and bidi, and finds the code and details of an error", async () => {
  const { host, port } = await start();
  const root = grpc.loadPackageDefinition(
    loadSync(["millrace/v1/system_service.proto", "millrace/v1/worker_session_service.proto"], {
      includeDirs: ["proto"],
      keepCase: true,
    }),
  ) as unknown as { millrace: { v1: Record<"SystemService" | "WorkerSessionService", grpc.ServiceClientConstructor> } };
  const connect = (service: "SystemService" | "WorkerSessionService") => {
    const Client = root.millrace.v1[service];
    const client = new Client(`${host}:${port}`, grpc.credentials.createInsecure());
    closers.push(() => client.close());
    return client as unknown as Record<string, (...args: unknown[]) => unknown>;
  };
  const system = connect("SystemService");
  const call = (metadata: grpc.Metadata) =>
    new Promise<[grpc.ServiceError | null, { status: string }]>((resolve) => {
      system["GetHealth"]?.({}, metadata, (error: grpc.ServiceError | null, reply: { status: string }) =>
        resolve([error, reply]),
      );
    });

  expect((await call(new grpc.Metadata()))[1].status).toBe("healthy");
  const failing = new grpc.Metadata();
  failing.set("fail", "app");
  const [error] = await call(failing);
  expect(error?.code).toBe(grpc.status.FAILED_PRECONDITION);
  expect(error?.metadata.get("grpc-status-details-bin").toString()).toContain("RUN_EXISTS");

  const session = connect("WorkerSessionService")["Session"]?.() as grpc.ClientDuplexStream<unknown, unknown>;
  session.write({ heartbeat: { sequence: 7 } });
  const [reply] = (await once(session, "data")) as [{ heartbeat_reply: { sequence: { toString(): string } } }];
  expect(String(reply.heartbeat_reply.sequence)).toBe("7");
  session.end();
  await once(session, "end");
});

test("other paths go to the HTTP handler, over both versions", async () => {
  const handleHttp: HttpHandler = async (request) => ({
    status: 200,
    headers: { "content-type": "text/plain" },
    body: `${request.method} ${request.path} ${request.query.get("a")} ${(await request.readBody()).length}`,
  });
  const { url } = await start({ handleHttp });

  const response = await fetch(`${url}/x%2Fy?a=1`, { method: "POST", body: "12345" });
  expect(await response.text()).toBe("POST /x%2Fy 1 5");
  expect(response.headers.get("x-request-id")).toMatch(/^[\w-]{36}$/);

  const session = http2.connect(url);
  closers.push(() => session.destroy());
  const stream = session.request({ ":path": "/two?a=2" });
  stream.end();
  expect(String(Buffer.concat(await stream.toArray()))).toBe("GET /two 2 0");
});

test("without an HTTP handler other paths are ROUTE_NOT_FOUND as a problem document", async () => {
  const { url } = await start();
  const response = await fetch(`${url}/nowhere`, { headers: { "x-request-id": "mine" } });
  expect(response.status).toBe(404);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(await response.json()).toMatchObject({ error_code: "ROUTE_NOT_FOUND", request_id: "mine", details: {} });
});

test("a body over the limit is refused, announced or not, by RPC and by HTTP", async () => {
  const { url } = await start({
    handleHttp: async (request) => ({ status: 200, headers: {}, body: await request.readBody() }),
  });
  const large = Buffer.alloc(5 * 1024 * 1024, 65);

  const announced = await fetch(`${url}/upload`, { method: "POST", body: large });
  expect(announced.status).toBe(413);
  expect(await announced.json()).toMatchObject({ error_code: "BODY_TOO_LARGE", details: { limit_bytes: 4_194_304 } });

  const chunked = new ReadableStream({
    start(controller) {
      for (let i = 0; i < 5; i += 1) controller.enqueue(large.subarray(0, 1024 * 1024));
      controller.close();
    },
  });
  const streamed = await fetch(`${url}/upload`, { method: "POST", body: chunked, duplex: "half" });
  expect(streamed.status).toBe(413);

  const dagId = "x".repeat(5 * 1024 * 1024);
  for (const transport of [
    createConnectTransport({ baseUrl: url, httpVersion: "1.1" }),
    createGrpcTransport({ baseUrl: url }),
  ]) {
    const events = createClient(EventService, transport).listEvents({ dagRunId: dagId });
    expect(await events.catch(fromConnectError)).toMatchObject({ code: "BODY_TOO_LARGE" });
  }
});

test("closing ends parked streams and handlers, and resolves before its deadline", async () => {
  const seen: { sessionEnd?: string } = {};
  const server = await start({ seen });
  const client = createClient(WorkerSessionService, createGrpcTransport({ baseUrl: server.url }));
  const hold = new AbortController();
  async function* heartbeats() {
    yield create(SessionRequestSchema, { message: { case: "heartbeat", value: { sequence: 1n } } });
    await once(hold.signal, "abort");
  }
  const replies = client.session(heartbeats())[Symbol.asyncIterator]();
  await replies.next();
  const parked = replies.next().catch(fromConnectError);
  const idle = net.connect(server.port, server.host);
  await once(idle, "connect");

  const begun = performance.now();
  await server.close();
  expect(performance.now() - begun).toBeLessThan(900);
  expect(await parked).toMatchObject({ code: "PEER_UNAVAILABLE" });
  expect(seen.sessionEnd).toContain("the server is stopping");
  hold.abort();
  idle.destroy();
});

test("HTTP/2 clients that vanish leave no socket behind", async () => {
  async function* endless(signal: AbortSignal) {
    for (; !signal.aborted; await new Promise(setImmediate)) yield "x".repeat(1_000);
  }
  const handleHttp: HttpHandler = async (request) => ({ status: 200, headers: {}, body: endless(request.signal) });
  const server = await start({ handleHttp });
  const visit = async () => {
    const session = http2.connect(server.url).on("error", () => undefined);
    const streams = [1, 2, 3].map(() => session.request({ ":path": "/" }).on("error", () => undefined));
    await Promise.all(streams.map((stream) => once(stream, "data")));
    session.destroy();
  };
  for (let round = 0; round < 10; round += 1) await Promise.all([visit(), visit(), visit(), visit()]);
  const begun = performance.now();
  await server.close();
  expect(performance.now() - begun).toBeLessThan(900);
});

test("closing cuts off at its deadline what does not end by itself", async () => {
  const server = await start({ handleHttp: () => new Promise(() => undefined) });
  const hanging = fetch(`${server.url}/hang`).catch((error: unknown) => error);
  await vi.waitFor(async () => expect(await connections(server)).toBeGreaterThan(0));
  await server.close();
  expect(await hanging).toBeInstanceOf(Error);
});

test("a client that leaves ends its handler", async () => {
  let left = false;
  const leave = new AbortController();
  const handleHttp: HttpHandler = (request) =>
    new Promise((_resolve, reject) => {
      request.signal.addEventListener("abort", () => {
        left = true;
        reject(new AppError("TIMEOUT", "client left"));
      });
      leave.abort();
    });
  const { url } = await start({ handleHttp });
  await fetch(`${url}/wait`, { signal: leave.signal }).catch(() => undefined);
  await vi.waitFor(() => expect(left).toBe(true));
});

test("a streamed body is written as it comes, and its generator ends with the client", async () => {
  let ended = false;
  async function* ticks(signal: AbortSignal) {
    try {
      for (let i = 0; !signal.aborted; i += 1) {
        yield `tick ${i}\n`;
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      ended = true;
    }
  }
  const handleHttp: HttpHandler = async (request) => ({ status: 200, headers: {}, body: ticks(request.signal) });
  const { url } = await start({ handleHttp });
  const response = await fetch(`${url}/ticks`);
  const reader = response.body?.getReader();
  const first = await reader?.read();
  expect(Buffer.from(first?.value ?? []).toString()).toContain("tick 0");
  await reader?.cancel();
  await vi.waitFor(() => expect(ended).toBe(true));
});

test.each(["POST %s HTTP/1.0\r\n\r\n", "POST %s HTTP/1.1\r\nHost: a b\r\nContent-Length: 0\r\n\r\n"])(
  "a call whose host can't be told is refused: %j",
  async (head) => {
    const server = await start();
    const socket = net.connect(server.port, server.host);
    socket.write(head.replace("%s", "/millrace.v1.SystemService/GetHealth"));
    closers.push(() => socket.destroy());
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.\d 400 /);
  },
);

test("a port in use is PORT_IN_USE and names this process", async () => {
  const { port } = await start();
  const second = startServer({ host: "127.0.0.1", port, routes: routes(), logger });
  const error = (await second.catch((thrown: unknown) => thrown)) as AppError;
  expect(error).toMatchObject({ code: "PORT_IN_USE" });
  expect(error.message).toContain("--port");
  if (process.platform === "linux") expect(error.message).toContain(`process ${process.pid}`);
});

test("a host of another machine is INVALID_CONFIG", async () => {
  const started = startServer({ host: "192.0.2.1", port: 0, routes: routes(), logger });
  await expect(started).rejects.toMatchObject({ code: "INVALID_CONFIG" });
});

async function connections(server: RunningServer): Promise<number> {
  const { readFile } = await import("node:fs/promises");
  const table = await readFile("/proc/net/tcp", "utf8").catch(() => "");
  const hex = `:${server.port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table.split("\n").filter((line) => line.includes(`${hex} `) && line.includes(" 01 ")).length;
}
