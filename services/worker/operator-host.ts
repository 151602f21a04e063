import { readEnvironment } from "#config/environment.ts";
import type { Settings } from "#config/settings-schema.ts";
import { createConnections } from "#connections/connections.ts";
import { openSession } from "#connections/sessions/open-session.ts";
import { createSessionPools } from "#connections/sessions/session-pools.ts";
import type { OperatorHost } from "#operators/operator-host.ts";
import { createOutboundPolicy } from "#outbound/outbound-policy.ts";

/** What the worker lends to its operators, as the settings want it. Throws INVALID_CONFIG for an entry of the allow list that can't be read. */
export function createOperatorHost({
  outbound,
  connections,
}: Pick<Settings, "outbound" | "connections">): OperatorHost {
  return {
    outbound: createOutboundPolicy({ allow: outbound.allow }),
    connections: createConnections({
      environment: readEnvironment(),
      directory: connections.directory,
      configured: connections.named,
    }),
    sessions: createSessionPools(openSession),
  };
}
