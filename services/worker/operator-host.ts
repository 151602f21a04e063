import { join, resolve } from "node:path";
import { systemClock } from "#clock/system-clock.ts";
import { toBreakerPolicy } from "#config/breaker-settings.ts";
import { readEnvironment } from "#config/environment.ts";
import type { Settings } from "#config/settings-schema.ts";
import { createConnections } from "#connections/connections.ts";
import { openSession } from "#connections/sessions/open-session.ts";
import { createSessionPools } from "#connections/sessions/session-pools.ts";
import type { OperatorHost } from "#operators/operator-host.ts";
import { createHostGuard } from "#outbound/host-guard.ts";
import { createOutboundPolicy } from "#outbound/outbound-policy.ts";
import type { Logger } from "#telemetry/logger.ts";

/** What the worker lends to its operators, as the settings want it. Throws INVALID_CONFIG for an entry of the allow list that can't be read. */
export function createOperatorHost(
  {
    outbound,
    connections,
    breakers,
    operators,
    dataDir,
  }: Pick<Settings, "outbound" | "connections" | "breakers" | "operators" | "dataDir">,
  logger: Logger,
): OperatorHost {
  const guard = createHostGuard({ policy: toBreakerPolicy(breakers.host), clock: systemClock, logger });
  return {
    outbound: createOutboundPolicy({ allow: outbound.allow, guard }),
    connections: createConnections({
      environment: readEnvironment(),
      directory: connections.directory,
      configured: connections.named,
    }),
    sessions: createSessionPools(openSession),
    virtualenvs: resolve(operators.virtualenvs ?? join(dataDir, "virtualenvs")),
  };
}
