import { resolve } from "node:path";
import type { Transport } from "@connectrpc/connect";
import type { Settings } from "#config/settings-schema.ts";
import type { Service } from "#rpc/service.ts";
import type { Logger } from "#telemetry/logger.ts";
import { createWorker } from "./worker.ts";

/** The worker as the settings want it. It reaches executors alone, never the database. */
export function wireWorker(
  { worker, dataDir }: Settings,
  parts: { executors: readonly Transport[]; version: string; logger: Logger },
): Service {
  return createWorker({
    ...parts,
    workerId: worker.id,
    dataDir: resolve(dataDir),
    queues: worker.queues,
    slots: worker.slots,
    labels: worker.labels,
    drainTimeoutMs: worker.drainTimeoutMs,
  });
}
