import { type IncomingMessage, createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { createConnections } from "#connections/connections.ts";
import { openSession } from "#connections/sessions/open-session.ts";
import { createSessionPools } from "#connections/sessions/session-pools.ts";
import { createOutboundPolicy } from "#outbound/outbound-policy.ts";
import type { SensorDefinition } from "#definition/schema/sensor-definition.ts";
import { createSecretSource } from "#secrets/secret-source.ts";
import { createLogger } from "#telemetry/logger.ts";
import type { Look, LookResult, SensorHost } from "./look.ts";
import { pollSensor } from "./poll-sensor.ts";

export const basis = { id: "s", pollIntervalMs: 1000, timeoutMs: 10_000, batchSize: 1000, source: "" } as const;

/** A sensor under test that remembers as the store would have it. */
export class TestSensor {
  readonly #sensor: SensorDefinition;
  readonly #look: Omit<Look, "state" | "now">;
  state: Map<string, unknown> | null = null;
  now = 1_000_000;

  constructor(
    sensor: SensorDefinition,
    changes: Partial<Look> & {
      environment?: Readonly<Record<string, string>>;
      brokers?: SensorHost["brokers"];
    } = {},
  ) {
    const { environment = {}, brokers = null, ...look } = changes;
    const sessions = createSessionPools(openSession);
    onTestFinished(() => sessions.close());
    this.#sensor = sensor;
    this.#look = {
      signal: new AbortController().signal,
      host: {
        outbound: createOutboundPolicy({ allow: ["127.0.0.1"] }),
        connections: createConnections({ environment, directory: null, configured: {} }),
        sessions,
        secrets: createSecretSource({ environment, directory: null, command: null }),
        environment,
        definitionsFolder: "/",
        brokers,
        logger: createLogger({ level: "silent", format: "json", component: "sensors" }),
      },
      listEndedRuns: () => Promise.resolve([]),
      ...look,
    };
  }

  /** A look whose result is written. */
  async poll(): Promise<LookResult> {
    const result = await pollSensor(this.#sensor, { ...this.#look, state: this.state, now: this.now });
    for (const patch of [...result.firings.map((firing) => firing.patch), result.patch]) {
      if (patch === null) continue;
      this.state ??= new Map();
      for (const item of patch.drop) this.state.delete(item);
      // As the database keeps them.
      for (const [item, value] of patch.put) this.state.set(item, JSON.parse(JSON.stringify(value)));
    }
    return result;
  }

  /** What fired in one look. */
  async fired(): Promise<readonly Readonly<Record<string, unknown>>[]> {
    return (await this.poll()).firings.map(({ event }) => event.data);
  }
}

/** A server on loopback; answers its address. */
export async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
