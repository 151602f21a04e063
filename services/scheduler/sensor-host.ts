import { resolve } from "node:path";
import { systemClock } from "#clock/system-clock.ts";
import { toBreakerPolicy } from "#config/breaker-settings.ts";
import { readEnvironment } from "#config/environment.ts";
import type { Settings } from "#config/settings-schema.ts";
import { createConnections } from "#connections/connections.ts";
import type { KafkaConnection } from "#connections/kafka-connection.ts";
import { openSession } from "#connections/sessions/open-session.ts";
import { createSessionPools } from "#connections/sessions/session-pools.ts";
import { createHostGuard } from "#outbound/host-guard.ts";
import { createOutboundPolicy } from "#outbound/outbound-policy.ts";
import { createSecretSource } from "#secrets/secret-source.ts";
import type { SensorHost } from "#sensors/look.ts";
import type { Logger } from "#telemetry/logger.ts";

/** What the scheduler lends to its sensors, as the settings want it. Throws INVALID_CONFIG for an entry of the allow list that can't be read. */
export function createSensorHost(settings: Settings, logger: Logger): SensorHost {
  const { outbound, connections, breakers, secrets, dags } = settings;
  const environment = readEnvironment();
  const guard = createHostGuard({ policy: toBreakerPolicy(breakers.host), clock: systemClock, logger });
  return {
    outbound: createOutboundPolicy({ allow: outbound.allow, guard }),
    connections: createConnections({
      environment,
      directory: connections.directory,
      configured: connections.named,
    }),
    sessions: createSessionPools(openSession),
    secrets: createSecretSource({ environment, ...secrets }),
    environment,
    definitionsFolder: resolve(dags.directory),
    brokers: brokersOf(settings.kafka),
    logger,
  };
}

function brokersOf({ brokers, tls, sasl }: Settings["kafka"]): KafkaConnection | null {
  if (brokers.length === 0) return null;
  const { enabled, ...files } = tls;
  const { mechanism, username, password } = sasl;
  const isLogin = mechanism !== "none" && username !== null && password !== null;
  return {
    kind: "kafka",
    name: "of the settings",
    brokers,
    tls: enabled ? files : null,
    sasl: isLogin ? { mechanism, username, password } : null,
  };
}
