import http2 from "node:http2";
import net from "node:net";
import type { Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { withAppErrors } from "./app-error-transport.ts";
import { binaryOptions } from "./wire-limits.ts";

/** How long the opening of a connection may take, in milliseconds, before the next address is tried. */
const connectTimeoutMs = 3_000;
/** A silent connection with open calls is asked for a sign of life. */
const pings = { pingIntervalMs: 5_000, pingTimeoutMs: 5_000, idleConnectionTimeoutMs: 60_000 };
const streamWindowBytes = 1024 * 1024;

/** The connection to one address, and the ways to call over it. */
export interface Connection {
  /** Throws errors as Connect has them. */
  readonly transport: Transport;
  /** Throws the `AppError` that the other side raised. */
  readonly withAppErrors: Transport;
  close(): void;
}

/** gRPC over h2c to a base URL, connected when it is used. */
export function connectTo(baseUrl: string, pinging: typeof pings = pings): Connection {
  const manager = new Http2SessionManager(baseUrl, pinging, {
    createConnection: (authority) => openSocket(authority),
    settings: { initialWindowSize: streamWindowBytes },
  });
  const transport = createGrpcTransport({
    baseUrl,
    sessionManager: withOwnListener(manager),
    binaryOptions,
    acceptCompression: [],
  });
  return { transport, withAppErrors: withAppErrors(transport), close: () => manager.abort() };
}

/**
 * The manager takes its listeners off a session that it replaces. When a call comes between the failed ping that ends a
 * session and the session's error, that is too early: an error that nobody listens to ends the process.
 */
function withOwnListener(
  manager: Http2SessionManager,
): Pick<Http2SessionManager, "authority" | "request" | "notifyResponseByteRead"> {
  const known = new WeakSet<http2.Http2Session>();
  return {
    authority: manager.authority,
    notifyResponseByteRead: (stream) => manager.notifyResponseByteRead(stream),
    async request(...call) {
      const stream = await manager.request(...call);
      const { session } = stream;
      if (session !== undefined && !known.has(session)) {
        known.add(session);
        // The calls on it fail with the same error and tell it.
        session.on("error", () => undefined);
      }
      return stream;
    },
  };
}

/** Whether a server answers there in time: a process that only stands still takes connections, but answers no ping. */
export function answersPing(baseUrl: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const session = http2.connect(baseUrl, { createConnection: openSocket });
    const end = (isAlive: boolean): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", giveUp);
      session.destroy();
      resolve(isAlive);
    };
    const giveUp = (): void => end(false);
    const timer = setTimeout(giveUp, pings.pingTimeoutMs);
    signal.addEventListener("abort", giveUp, { once: true });
    session.on("error", giveUp);
    session.once("close", giveUp);
    session.once("connect", () => session.ping((error) => end(error === null)));
  });
}

/** A socket that gives up when it is not connected in time. */
function openSocket(authority: URL): net.Socket {
  const host = authority.hostname.replace(/^\[|\]$/g, "");
  const port = Number(authority.port === "" ? 80 : authority.port);
  const socket = net.connect({ host, port, noDelay: true });
  const onTimeout = () => {
    const error: NodeJS.ErrnoException = new Error(
      `${authority.host} did not take the connection in ${connectTimeoutMs} ms`,
    );
    socket.destroy(Object.assign(error, { code: "ETIMEDOUT", syscall: "connect" }));
  };
  socket.setTimeout(connectTimeoutMs, onTimeout);
  socket.once("connect", () => {
    socket.off("timeout", onTimeout);
    socket.setTimeout(0);
  });
  return socket;
}
