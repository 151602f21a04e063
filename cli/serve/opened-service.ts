import type { HttpHandler } from "#rpc/http/exchange.ts";
import type { Service } from "#rpc/service.ts";

/** A service with all that it needs, ready to be started. */
export interface OpenedService {
  readonly service: Service;
  /** What it serves beside its RPC; absent: its health alone. */
  readonly handleHttp?: HttpHandler;
  /** Lets go of what was opened for it; called after the service has stopped. */
  readonly close: () => Promise<void>;
}
