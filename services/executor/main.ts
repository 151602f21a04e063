import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { resolve } from "node:path";
import type { Settings } from "#config/settings-schema.ts";
import type { Store } from "#ports/store.ts";
import type { Service } from "#rpc/service.ts";
import type { Logger } from "#telemetry/logger.ts";
import { createExecutor } from "./executor.ts";

/** The executor as the settings want it; `backend` says what `auto` is in this process. */
export function wireExecutor(
  { executor, worker, dags, logs }: Settings,
  { version, backend, ...parts }: { store: Store; logger: Logger; backend: "local" | "stream"; version: string },
): Service {
  return createExecutor({
    ...parts,
    executorId: `${hostname()}-${randomUUID()}`,
    programVersion: version,
    backend: executor.backend === "auto" ? backend : executor.backend,
    workerLeaseMs: worker.leaseMs,
    heartbeatIntervalMs: worker.heartbeatIntervalMs,
    scanIntervalMs: executor.scanIntervalMs,
    redispatchAfterMs: executor.redispatchAfterMs,
    bus: null,
    handOff: executor.handOff,
    dagsDirectory: resolve(dags.directory),
    logMaxBytes: logs.maxBytes,
  });
}
