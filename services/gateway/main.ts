import type { Transport } from "@connectrpc/connect";
import type { Store } from "#ports/store.ts";
import type { HttpHandler } from "#rpc/http/exchange.ts";
import type { Service } from "#rpc/service.ts";
import type { Logger } from "#telemetry/logger.ts";
import { createGateway } from "./gateway.ts";

/** The gateway over its peers. `handleHttp` answers everything that is no RPC path. */
export function wireGateway(parts: {
  store: Store;
  parser: Transport;
  scheduler: Transport;
  executor: Transport;
  version: string;
  logger: Logger;
}): Service & { readonly handleHttp: HttpHandler } {
  return createGateway(parts);
}
