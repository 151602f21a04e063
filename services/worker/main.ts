import { join, resolve } from "node:path";
import type { Transport } from "@connectrpc/connect";
import { readEnvironment } from "#config/environment.ts";
import type { Settings } from "#config/settings-schema.ts";
import type { ResourceAmounts } from "#core/resource-amounts.ts";
import type { OperatorCatalog } from "#operators/operator-catalog.ts";
import type { Bus } from "#ports/bus.ts";
import type { Service } from "#rpc/service.ts";
import { findEnclosuresOnce, type HostEnclosures } from "#runner/enclosure/host-enclosures.ts";
import { createSecretSource } from "#secrets/secret-source.ts";
import type { Logger } from "#telemetry/logger.ts";
import { measureResources } from "./machine-resources.ts";
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
    /** Absent: what the host can do is tried at the start. */
    findEnclosures?: () => Promise<HostEnclosures>;
  },
): Service {
  const { worker, dataDir } = settings;
  const { version } = parts;
  const file = join(resolve(dataDir), "worker", "enclosures.json");
  return createWorker({
    ...parts,
    host: createOperatorHost(settings, parts.logger),
    secrets: createSecretSource({ environment: readEnvironment(), ...settings.secrets }),
    workerId: worker.id,
    dataDir: resolve(dataDir),
    queues: worker.queues,
    slots: worker.slots,
    labels: worker.labels,
    findEnclosures: parts.findEnclosures ?? (() => findEnclosuresOnce(readEnvironment(), { file, version })),
    containers: { pull: worker.containerPull, mountRoots: worker.containerMounts },
    resources: setResources(worker.resources),
    drainTimeoutMs: worker.drainTimeoutMs,
    endsWhenRefused: worker.onRefusal === "exit",
  });
}

/** What a worker with these settings and this data directory lets its attempts ask for together. */
export async function resourcesOffered({ resources }: Settings["worker"], dataDir: string): Promise<ResourceAmounts> {
  return { ...(await measureResources(dataDir)), ...setResources(resources) };
}

function setResources({
  cpus,
  memoryBytes,
  diskBytes,
  gpus,
}: Settings["worker"]["resources"]): Partial<ResourceAmounts> {
  return {
    ...(cpus === null ? {} : { milliCpus: cpus * 1000 }),
    ...(memoryBytes === null ? {} : { memoryBytes }),
    ...(diskBytes === null ? {} : { diskBytes }),
    ...(gpus === null ? {} : { gpus }),
  };
}
