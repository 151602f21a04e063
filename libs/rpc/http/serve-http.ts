import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import { AppError } from "#errors/app-error.ts";
import type { Logger } from "#telemetry/logger.ts";
import { requestIdFrom } from "../interceptors.ts";
import { clientStallMs } from "../wire-limits.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "./exchange.ts";
import { problemResponse } from "./problem.ts";
import { readBody } from "./read-body.ts";
import { type NodeResponse, writeResponse } from "./write-response.ts";

export type NodeRequest = IncomingMessage | Http2ServerRequest;

/** What the log says where no answer was needed any more, as other servers do. */
const clientLeftStatus = 499;
/** Asked often by machines; their lines would bury the others. */
const quietPaths: ReadonlySet<string> = new Set(["/health", "/healthz", "/readyz", "/api/v1/health"]);

/** One for all: an abort without a reason would make an error, with its stack, for each request, also after its answer. */
const connectionClosed = new DOMException("the request has been answered, or its client has gone", "AbortError");

/** A listener for Node's servers that runs the handler, answers its errors as problem documents and logs one line. */
export function serveHttp(
  handler: HttpHandler,
  deps: { logger: Logger; maxBodyBytes: number; stopSignal: AbortSignal },
): (request: NodeRequest, response: NodeResponse) => void {
  return (nodeRequest, nodeResponse) => {
    const begun = performance.now();
    const gone = new AbortController();
    nodeResponse.once("close", () => gone.abort(connectionClosed));
    const request = toRequest(nodeRequest, AbortSignal.any([gone.signal, deps.stopSignal]), deps.maxBodyBytes);
    const log = (status: number) => {
      const fields = {
        method: request.method,
        path: request.path,
        status,
        duration_ms: Math.round(performance.now() - begun),
      };
      const level = quietPaths.has(request.path) ? "debug" : "info";
      deps.logger[level]({ ...fields, request_id: request.id }, "http answered");
    };
    const write = async (response: HttpResponse) => {
      const options = { isHead: request.method === "HEAD", stallMs: clientStallMs, gone: gone.signal };
      await writeResponse(nodeResponse, withCommonHeaders(response, request.id), options);
      discardRest(nodeRequest);
      log(response.status);
    };
    answer(handler, request, deps.logger)
      .then(write)
      .catch((thrown: unknown) => {
        // A stream fails when its client leaves; that is how streams end.
        if (gone.signal.aborted) log(clientLeftStatus);
        else deps.logger.warn({ err: thrown, path: request.path, request_id: request.id }, "http answer broke off");
        nodeResponse.destroy();
      });
  };
}

async function answer(handler: HttpHandler, request: HttpRequest, logger: Logger): Promise<HttpResponse> {
  try {
    return await handler(request);
  } catch (thrown) {
    const error = AppError.from(thrown);
    if (error.kind === "internal") {
      logger.error({ err: error.cause ?? error, path: request.path, request_id: request.id }, "http failed inside");
    }
    return problemResponse(error, request.id);
  }
}

function toRequest(node: NodeRequest, signal: AbortSignal, maxBytes: number): HttpRequest {
  const url = node.url ?? "/";
  const mark = url.indexOf("?");
  const header = (name: string): string | null => {
    const value = node.headers[name] ?? (name === "host" ? node.headers[":authority"] : undefined);
    return value === undefined ? null : Array.isArray(value) ? value.join(", ") : value;
  };
  return {
    id: requestIdFrom(header("x-request-id")),
    method: node.method ?? "GET",
    path: mark === -1 ? url : url.slice(0, mark),
    query: new URLSearchParams(mark === -1 ? "" : url.slice(mark + 1)),
    header,
    signal,
    readBody: () => readBody(node, { contentLength: header("content-length"), maxBytes, timeoutMs: clientStallMs }),
  };
}

/** What every answer says; a handler's own headers win. */
function withCommonHeaders(response: HttpResponse, requestId: string): HttpResponse {
  const headers = {
    "x-request-id": requestId,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    ...response.headers,
  };
  return { ...response, headers };
}

/** A body that nobody read would hold its HTTP/2 stream open: takes and drops what still comes, for a while. */
function discardRest(request: NodeRequest): void {
  if (request.readableEnded || request.destroyed) return;
  const timer = setTimeout(() => request.destroy(), clientStallMs).unref();
  request.once("close", () => clearTimeout(timer));
  request.resume();
}
