import net from "node:net";
import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel, StructSchema } from "@bufbuild/protobuf/wkt";
import { ConnectError, type ConnectRouter, createRouterTransport, type Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { AppError } from "#errors/app-error.ts";
import type { Logger } from "#telemetry/logger.ts";
import { wasNotSent, withAppErrors } from "./app-error-transport.ts";
import { describeChain, fromConnectError } from "./connect-error.ts";
import { createEndpoints, parseAddress } from "./endpoints.ts";
import { serverInterceptors } from "./interceptors.ts";
import { binaryOptions, unaryTimeoutMs } from "./wire-limits.ts";

/** How long the opening of a connection may take, in milliseconds, before the next address is tried. */
const connectTimeoutMs = 3_000;
/** A silent connection with open calls is asked for a sign of life. */
const pings = { pingIntervalMs: 5_000, pingTimeoutMs: 5_000, idleConnectionTimeoutMs: 60_000 };
const streamWindowBytes = 1024 * 1024;

/** A transport over connections of its own. `close` ends them, and the calls on them. */
export interface RemoteTransport extends Transport {
  close(): void;
}

/** One that has the choice between several addresses. */
export interface PeerTransport extends RemoteTransport {
  /**
   * One transport for each address, the same each time, for what each of them must be asked. They share the connections, and
   * end with them.
   */
  each(): Promise<readonly Transport[]>;
}

/**
 * gRPC over h2c to one address. It never changes the address and sets no deadline: for streams that their owner opens
 * again. Errors are the `AppError` of the other side, or `PEER_UNAVAILABLE`.
 */
export function createAddressTransport(address: string): RemoteTransport {
  const connection = connectTo(parseAddress(address));
  return { ...connection.withAppErrors, close: connection.close };
}

/**
 * gRPC over h2c to the first of the addresses that answers. A unary call goes to the next one when the failure shows
 * that it was not sent, or when its method is declared free of side effects; it takes 30 s at most unless the caller
 * says otherwise. A stream fails with its connection; the next one goes to the next address. Without any address left
 * the error is `PEER_UNAVAILABLE`.
 */
export function createPeerTransport(options: { addresses: readonly string[]; logger: Logger }): PeerTransport {
  const endpoints = createEndpoints(options.addresses);
  const connections = new Map<string, ReturnType<typeof connectTo>>();

  const open = (url: string): ReturnType<typeof connectTo> => {
    const connection = connections.get(url) ?? connectTo(url);
    connections.set(url, connection);
    return connection;
  };
  const reach = async <T>(method: DescMethod, signal: AbortSignal | undefined, call: (to: Transport) => Promise<T>) => {
    const urls = await endpoints.list();
    let last: unknown;
    for (const url of urls) {
      try {
        return await call(open(url).transport);
      } catch (thrown) {
        if (signal?.aborted === true || !isUnreachable(thrown)) throw fromConnectError(thrown);
        endpoints.demote(url);
        options.logger.warn({ peer: url, rpc: method.name, error: describeChain(thrown) }, "peer is away");
        if (!wasNotSent(thrown) && !isSafe(method)) throw fromConnectError(thrown);
        last = thrown;
      }
    }
    const service = method.parent.name;
    const message = `no ${service} answers at ${urls.join(", ")}; start it, or correct its address`;
    throw new AppError("PEER_UNAVAILABLE", message, { cause: last, details: { service, addresses: urls } });
  };

  return {
    unary: (method, signal, timeoutMs, header, input, contextValues) =>
      reach(method, signal, (to) =>
        to.unary(method, signal, timeoutMs ?? unaryTimeoutMs, header, input, contextValues),
      ),
    stream: (method, signal, timeoutMs, header, input, contextValues) =>
      reach(method, signal, (to) => withAppErrors(to).stream(method, signal, timeoutMs, header, input, contextValues)),
    each: async () => (await endpoints.list()).map((url) => open(url).withAppErrors),
    close() {
      for (const connection of connections.values()) connection.close();
      connections.clear();
    },
  };
}

/** The handlers of `routes` by function call, behind the same interceptors as on a port; calls are not logged. */
export function createInProcessTransport(
  routes: (router: ConnectRouter) => void,
  options: { logger: Logger },
): Transport {
  const transport = createRouterTransport(routes, {
    router: { interceptors: serverInterceptors({ logger: options.logger, logRequests: false }), binaryOptions },
    transport: { binaryOptions },
  });
  return withAppErrors(transport);
}

function connectTo(baseUrl: string): { transport: Transport; withAppErrors: Transport; close: () => void } {
  const sessionManager = new Http2SessionManager(baseUrl, pings, {
    createConnection: (authority) => openSocket(authority),
    settings: { initialWindowSize: streamWindowBytes },
  });
  const transport = createGrpcTransport({ baseUrl, sessionManager, binaryOptions, acceptCompression: [] });
  return { transport, withAppErrors: withAppErrors(transport), close: () => sessionManager.abort() };
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

/** An error with our detail was raised by a handler there: that peer is alive. */
function isUnreachable(thrown: unknown): boolean {
  if (ConnectError.from(thrown).findDetails(StructSchema).length > 0) return false;
  return wasNotSent(thrown) || fromConnectError(thrown).code === "PEER_UNAVAILABLE";
}

function isSafe(method: DescMethod): boolean {
  return method.idempotency !== MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN;
}
