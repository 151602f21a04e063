import type { CallOptions, HandlerContext } from "@connectrpc/connect";
import { requestIdKey } from "#rpc/interceptors.ts";
import { unaryTimeoutMs } from "#rpc/wire-limits.ts";

/** Who asks, until there is a login. Request ids are unique within a caller. */
export const anonymousCaller = "anonymous";

/** A call to another service on behalf of a request: under the same request id, and with an end. */
export function forwardOptions(context: HandlerContext): CallOptions {
  return { headers: { "x-request-id": context.values.get(requestIdKey) }, timeoutMs: unaryTimeoutMs };
}
