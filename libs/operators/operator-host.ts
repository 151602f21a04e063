import type { Connections } from "#connections/connections.ts";
import type { SessionPools } from "#connections/sessions/session-pools.ts";
import type { OutboundPolicy } from "#outbound/outbound-policy.ts";

/** What a worker lends to the operators that reach beyond its machine; its attempts share it. */
export interface OperatorHost {
  readonly outbound: OutboundPolicy;
  readonly connections: Connections;
  readonly sessions: SessionPools;
}
