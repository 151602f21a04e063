import { resolve } from "node:path";
import type { Transport } from "@connectrpc/connect";
import { readEnvironment } from "#config/environment.ts";
import type { Settings } from "#config/settings-schema.ts";
import type { OperatorCatalog } from "#operators/operator-catalog.ts";
import type { Bus } from "#ports/bus.ts";
import type { Service } from "#rpc/service.ts";
import { createSecretSource } from "#secrets/secret-source.ts";
import type { Logger } from "#telemetry/logger.ts";
import { createOperatorHost } from "./operator-host.ts";
import { createWorker } from "./worker.ts";

/** The worker as the settings want it. It reaches executors alone, never the database. */
export function wireWorker(
  settings: Settings,
  parts: {
    executors: readonly Transport[];
    operators: OperatorCatalog;
    bus: Bus | null;
    version: string;
    logger: Logger;
  },
): Service {
  const { worker, dataDir } = settings;
  return createWorker({
    ...parts,
    host: createOperatorHost(settings, parts.logger),
    secrets: createSecretSource({ environment: readEnvironment(), ...settings.secrets }),
    workerId: worker.id,
    dataDir: resolve(dataDir),
    queues: worker.queues,
    slots: worker.slots,
    labels: worker.labels,
    drainTimeoutMs: worker.drainTimeoutMs,
    endsWhenRefused: worker.onRefusal === "exit",
  });
}
