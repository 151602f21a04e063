import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { createConnections } from "#connections/connections.ts";
import { openSession } from "#connections/sessions/open-session.ts";
import { createSessionPools } from "#connections/sessions/session-pools.ts";
import type { FileSensor, SensorDefinition } from "#definition/schema/sensor-definition.ts";
import { createOutboundPolicy } from "#outbound/outbound-policy.ts";
import type { Store } from "#ports/store.ts";
import { createSecretSource } from "#secrets/secret-source.ts";
import type { SensorHost } from "#sensors/look.ts";
import { silentLogger } from "./scheduler-harness.testsuite.ts";

/** A host whose sensors may reach this machine, and whose relative folders begin at `definitionsFolder`. */
export function createSensorTestHost(
  definitionsFolder: string,
  environment: Readonly<Record<string, string>> = {},
): SensorHost {
  const sessions = createSessionPools(openSession);
  onTestFinished(() => sessions.close());
  return {
    outbound: createOutboundPolicy({ allow: ["127.0.0.1"] }),
    connections: createConnections({ environment, directory: null, configured: {} }),
    sessions,
    secrets: createSecretSource({ environment, directory: null, command: null }),
    environment,
    definitionsFolder,
    brokers: null,
    logger: silentLogger,
  };
}

export function createTestFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-sensors-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A sensor of files that fires as soon as it sees one twice. */
export function fileSensor(directory: string, changes: object = {}): SensorDefinition {
  const sensor: FileSensor = {
    type: "file",
    id: "inbox",
    pollIntervalMs: 20,
    timeoutMs: 10_000,
    batchSize: 1000,
    source: directory,
    directory,
    pattern: "*.csv",
    trigger: "file_created",
    minSize: 0,
    stabilizationMs: 1,
    isRecursive: false,
  };
  return { ...sensor, ...changes };
}

/** The parameter `sensor` of a DAG's runs, oldest first. */
export async function sensorRuns(store: Store, dagId: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const page = { limit: 100, cursor: null, sort: null };
  const { items } = await store.queries.listRuns(page, { dagId, states: [] });
  const facts = await Promise.all(
    items.map(async ({ runKey }) => {
      const [found] = await store.runs.readFacts([runKey]);
      return found?.parameters["sensor"] as Readonly<Record<string, unknown>>;
    }),
  );
  return facts.toReversed();
}
