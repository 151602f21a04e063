import { randomUUID } from "node:crypto";
import {
  Code,
  ConnectError,
  createContextKey,
  type Interceptor,
  type StreamRequest,
  type UnaryRequest,
} from "@connectrpc/connect";
import { AppError } from "#errors/app-error.ts";
import type { Logger } from "#telemetry/logger.ts";
import { toConnectError } from "./connect-error.ts";
import { observeStream, stopOnAbort, type StreamObserver } from "./stream.ts";

/** The id of the request that a handler serves: the client's `x-request-id`, or a new one. */
export const requestIdKey = createContextKey("", { description: "request id" });

const requestIdHeader = "x-request-id";
const requestIdPattern = /^[\w.:-]{1,100}$/;

/** A usable id from a header, or a new one. */
export function requestIdFrom(header: string | null): string {
  return header !== null && requestIdPattern.test(header) ? header : randomUUID();
}

/**
 * What every handler runs in: a request id; errors of the catalogue as `toConnectError` writes them, anything else
 * opaque with its cause in the log; incoming streams that fail when the call is aborted, so that no handler stays
 * parked on its client's next message; with `logRequests` one line for each call when its answer is complete.
 */
export function serverInterceptors(options: { logger: Logger; logRequests: boolean }): Interceptor[] {
  return [
    (next) => async (request) => {
      const call = openCall(request, options);
      try {
        const response = await next(
          request.stream ? { ...request, message: stopOnAbort(request.message, request.signal) } : request,
        );
        response.header.set(requestIdHeader, call.requestId);
        if (response.stream) return { ...response, message: observeStream(response.message, call) };
        call.onEnd(undefined);
        return response;
      } catch (thrown) {
        const error = call.mapError(thrown);
        call.onEnd(error);
        throw error;
      }
    },
  ];
}

interface Call extends StreamObserver<ConnectError> {
  readonly requestId: string;
}

function openCall(request: UnaryRequest | StreamRequest, options: { logger: Logger; logRequests: boolean }): Call {
  const { logger, logRequests } = options;
  const begun = performance.now();
  const rpc = `${request.service.typeName}/${request.method.name}`;
  const requestId = requestIdFrom(request.header.get(requestIdHeader));
  request.contextValues.set(requestIdKey, requestId);
  return {
    requestId,
    signal: request.signal,
    mapError(thrown) {
      if (thrown instanceof ConnectError) return thrown;
      if (request.signal.aborted && !(thrown instanceof AppError)) {
        return ConnectError.from(request.signal.reason, Code.Canceled);
      }
      const error = AppError.from(thrown);
      if (error.kind === "internal") {
        logger.error({ err: error.cause ?? error, rpc, request_id: requestId }, "rpc failed inside");
      }
      return toConnectError(error, requestId);
    },
    onEnd(error) {
      if (!logRequests) return;
      const duration_ms = Math.round(performance.now() - begun);
      const code = error === undefined ? "ok" : Code[error.code];
      logger.info({ rpc, code, duration_ms, request_id: requestId }, "rpc answered");
    },
  };
}
