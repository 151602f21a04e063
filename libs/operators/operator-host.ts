import type { Connections } from "#connections/connections.ts";
import type { SessionPools } from "#connections/sessions/session-pools.ts";
import type { OutboundPolicy } from "#outbound/outbound-policy.ts";

/** What a worker lends to the operators that reach beyond its machine; its attempts share it. */
export interface OperatorHost {
  readonly outbound: OutboundPolicy;
  readonly connections: Connections;
  readonly sessions: SessionPools;
  /** Folder of the virtualenvs that are made for requirements; workers of a machine may share it. */
  readonly virtualenvs: string;
}
