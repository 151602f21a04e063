import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel, StructSchema } from "@bufbuild/protobuf/wkt";
import { ConnectError, type ConnectRouter, createRouterTransport, type Transport } from "@connectrpc/connect";
import { AppError } from "#errors/app-error.ts";
import type { Logger } from "#telemetry/logger.ts";
import { wasNotSent, withAppErrors } from "./app-error-transport.ts";
import { describeChain, fromConnectError } from "./connect-error.ts";
import { answersPing, type Connection, connectTo } from "./connection.ts";
import { createEndpoints, parseAddress } from "./endpoints.ts";
import { serverInterceptors } from "./interceptors.ts";
import { createPeerChoice } from "./peer-choice.ts";
import { binaryOptions, unaryTimeoutMs } from "./wire-limits.ts";

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
  return { ...connection.withAppErrors, close: () => connection.close() };
}

/**
 * gRPC over h2c to one of the addresses: the one with the fewest unary calls under way, in turn among equals. One that does not
 * answer is left out until it answers a ping; it is pinged every now and then while calls are made. A unary call goes to the
 * next one when the failure shows that it was not sent, or when its method is declared free of side effects; it takes 30 s
 * at most unless the caller says otherwise. A stream fails with its connection; the next one goes to the next address.
 * Without any address left the error is `PEER_UNAVAILABLE`.
 */
export function createPeerTransport(options: { addresses: readonly string[]; logger: Logger }): PeerTransport {
  const { logger } = options;
  const endpoints = createEndpoints(options.addresses);
  const choice = createPeerChoice(() => performance.now());
  const connections = new Map<string, Connection>();
  const closing = new AbortController();

  const open = (url: string): Connection => {
    const connection = connections.get(url) ?? connectTo(url);
    connections.set(url, connection);
    return connection;
  };
  const markBack = (url: string, by: "call" | "ping"): void => {
    if (choice.markBack(url, by)) logger.info({ peer: url }, "peer is back");
  };
  const lookAgain = async (url: string): Promise<void> => {
    if (await answersPing(url, closing.signal)) markBack(url, "ping");
    else choice.markAway(url);
  };
  const reach = async <T>(method: DescMethod, signal: AbortSignal | undefined, call: (to: Transport) => Promise<T>) => {
    const urls = choice.order(await endpoints.list());
    for (const url of choice.takeDue()) void lookAgain(url);
    let last: unknown;
    for (const url of urls) {
      const end = choice.begin(url);
      try {
        const answer = await call(open(url).transport);
        markBack(url, "call");
        return answer;
      } catch (thrown) {
        if (signal?.aborted === true || !isUnreachable(thrown)) throw fromConnectError(thrown);
        choice.markAway(url);
        // The names may stand for other addresses by now.
        if (urls.every((known) => choice.isAway(known))) endpoints.resolveAnew();
        logger.warn({ peer: url, rpc: method.name, error: describeChain(thrown) }, "peer is away");
        if (!wasNotSent(thrown) && !isSafe(method)) throw fromConnectError(thrown);
        last = thrown;
      } finally {
        end();
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
      closing.abort();
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

/** An error with our detail was raised by a handler there: that peer is alive. */
function isUnreachable(thrown: unknown): boolean {
  if (ConnectError.from(thrown).findDetails(StructSchema).length > 0) return false;
  return wasNotSent(thrown) || fromConnectError(thrown).code === "PEER_UNAVAILABLE";
}

function isSafe(method: DescMethod): boolean {
  return method.idempotency !== MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN;
}
