import http from "node:http";
import http2 from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { AppError } from "#errors/app-error.ts";
import type { ErrorCode } from "#errors/catalog.ts";
import type { Logger } from "#telemetry/logger.ts";
import { toConnectError } from "./connect-error.ts";
import { detectVersion } from "./first-bytes.ts";
import type { HttpHandler } from "./http/exchange.ts";
import { serveHttp } from "./http/serve-http.ts";
import { serverInterceptors } from "./interceptors.ts";
import { listen } from "./listen.ts";
import { keepSessions } from "./sessions.ts";
import { binaryOptions, clientStallMs, maxMessageBytes } from "./wire-limits.ts";

export interface ServerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly routes: (router: ConnectRouter) => void;
  /** Answers everything that is no RPC path; absent: `ROUTE_NOT_FOUND`. */
  readonly handleHttp?: HttpHandler;
  readonly logger: Logger;
  /** Largest message or body, in bytes; 4 MiB unless given. */
  readonly maxMessageBytes?: number;
  /** How long `close` waits for calls under way, in milliseconds; 5 s unless given. */
  readonly closeTimeoutMs?: number;
}

export interface RunningServer {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** Takes nothing new, aborts the signal of every call, waits for their ends, and cuts off what is left. */
  readonly close: () => Promise<void>;
}

/** Room for many messages on their way: a flood on one stream must not hold up the others. */
const windowBytes = { stream: 1024 * 1024, session: 8 * 1024 * 1024 };
const defaultCloseTimeoutMs = 5_000;
/** How often a closing server looks for connections that have become idle. */
const sweepIntervalMs = 25;

/**
 * One cleartext port for gRPC, gRPC-Web and Connect over HTTP/2 (prior knowledge) and HTTP/1.1, and for plain HTTP.
 * Throws `PORT_IN_USE`, with the holder's name where it can be told, or `INVALID_CONFIG` for a host or port that
 * can't be used.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const stopping = new AbortController();
  const onRequest = createListener(options, stopping.signal);
  const http2Server = http2.createServer({ settings: { initialWindowSize: windowBytes.stream } }, onRequest);
  const sessions = keepSessions(http2Server, { windowBytes: windowBytes.session, logger: options.logger });
  const http1Server = http.createServer(
    { noDelay: true, requestTimeout: clientStallMs, headersTimeout: clientStallMs },
    onRequest,
  );
  const sockets = new Map<Socket, "silent" | "served">();
  takeConnections(http1Server, (socket, serveHttp1) => {
    sockets.set(socket, "silent");
    socket.once("close", () => sockets.delete(socket));
    const serve = (version: "1.1" | "2") => {
      sockets.set(socket, "served");
      if (version === "2") serveHttp2(http2Server, socket);
      else serveHttp1();
    };
    detectVersion(socket, { timeoutMs: clientStallMs, serve });
  });
  await listen(http1Server, { host: options.host, port: options.port });
  const { port } = http1Server.address() as AddressInfo;
  const host = options.host;

  const close = async () => {
    const closed = new Promise<void>((resolve) => http1Server.close(() => resolve()));
    sessions.closeGently();
    stopping.abort(new ConnectError("the server is stopping", Code.Unavailable));
    const destroy = (which: "silent" | "all") => {
      for (const [socket, phase] of sockets) if (which === "all" || phase === which) socket.destroy();
    };
    destroy("silent");
    const timer = setTimeout(() => destroy("all"), options.closeTimeoutMs ?? defaultCloseTimeoutMs);
    const sweeper = setInterval(() => {
      http1Server.closeIdleConnections();
      sessions.sweep();
    }, sweepIntervalMs);
    await closed;
    clearTimeout(timer);
    clearInterval(sweeper);
    sessions.end();
  };
  let closing: Promise<void> | null = null;
  return {
    host,
    port,
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    close: () => (closing ??= close()),
  };
}

/** Sockets of an HTTP/1.1 server may stay half open; under HTTP/2 that keeps the sessions of clients that have gone. */
function serveHttp2(server: http2.Http2Server, socket: Socket): void {
  socket.allowHalfOpen = false;
  server.emit("connection", socket);
}

/** RPC paths go to Connect's adapter, the rest to `handleHttp`. Connect throws at a Host header that is none. */
function createListener(options: ServerOptions, stopSignal: AbortSignal): ReturnType<typeof connectNodeAdapter> {
  const { logger } = options;
  const maxBytes = options.maxMessageBytes ?? maxMessageBytes;
  const serving = { logger, maxBodyBytes: maxMessageBytes, stopSignal };
  const fallback = serveHttp(options.handleHttp ?? refuse("ROUTE_NOT_FOUND", "no such route"), serving);
  const refuseHost = serveHttp(refuse("INVALID_ARGUMENT", "the request's Host header is missing or no host"), serving);
  const adapter = connectNodeAdapter({
    routes: options.routes,
    fallback,
    interceptors: serverInterceptors({ logger, logRequests: true }),
    readMaxBytes: maxBytes,
    binaryOptions,
    shutdownSignal: stopSignal,
    requestGate: (context) => assertBodyFits(context, maxBytes),
  });
  return (request, response) => {
    try {
      adapter(request, response);
    } catch {
      refuseHost(request, response);
    }
  };
}

function refuse(code: ErrorCode, message: string): HttpHandler {
  return () => Promise.reject(new AppError(code, message));
}

/** Says by name what the protocol's own limit says by number; a length that is not announced meets that one. */
function assertBodyFits(context: HandlerContext, maxBytes: number): void {
  if (Number(context.requestHeader.get("content-length") ?? 0) <= maxBytes) return;
  const message = `the message is larger than ${maxBytes} bytes; send less`;
  throw toConnectError(new AppError("BODY_TOO_LARGE", message, { details: { limit_bytes: maxBytes } }), "");
}

/** Puts `take` before the HTTP/1.1 server's own handling of a new connection. */
function takeConnections(server: http.Server, take: (socket: Socket, serveHttp1: () => void) => void): void {
  const own = server.listeners("connection");
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    take(socket, () => {
      for (const listener of own) listener.call(server, socket);
    });
  });
}
