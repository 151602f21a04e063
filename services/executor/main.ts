import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { resolve } from "node:path";
import type { Transport } from "@connectrpc/connect";
import type { Settings } from "#config/settings-schema.ts";
import type { ArtifactStore } from "#ports/artifact-store.ts";
import type { Bus } from "#ports/bus.ts";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { createExecutor, type Executor } from "./executor.ts";
import { createRunMaker } from "./runs/run-maker.ts";

interface ExecutorParts {
  readonly store: Store;
  readonly bus: Bus | null;
  /** Where the files of tasks are kept; null: nowhere. */
  readonly artifacts: ArtifactStore | null;
  readonly operators: OperatorSchemas;
  /** Makes the runs of `trigger_dag`; null: there is none. */
  readonly scheduler: Transport | null;
  readonly logger: Logger;
  readonly version: string;
  /** What `auto` is in this process where there is no bus. */
  readonly backend: "local" | "stream";
}

/** The executor as the settings want it. */
export function wireExecutor(settings: Settings, parts: ExecutorParts): Executor {
  const { executor, worker, dags, logs, kafka } = settings;
  const { version, store, logger, bus, artifacts } = parts;
  const automatic = bus === null ? parts.backend : "kafka";
  return createExecutor({
    store,
    artifacts,
    logger,
    executorId: `${hostname()}-${randomUUID()}`,
    programVersion: version,
    backend: executor.backend === "auto" ? automatic : executor.backend,
    workerLeaseMs: worker.leaseMs,
    heartbeatIntervalMs: worker.heartbeatIntervalMs,
    scanIntervalMs: executor.scanIntervalMs,
    redispatchAfterMs: executor.redispatchAfterMs,
    reserveAfterMs: executor.reserveAfterMs,
    bus,
    operators: parts.operators,
    makeRun: parts.scheduler === null ? null : createRunMaker(parts.scheduler),
    topics: { ...kafka, eventPartitions: kafka.partitions },
    handOff: executor.handOff,
    dagsDirectory: resolve(dags.directory),
    logMaxBytes: logs.maxBytes,
    consistencyIntervalMs: executor.consistencyIntervalMs,
    retention: {
      outputs: settings.outputs.retentionMs,
      artifacts: settings.artifacts.retentionMs,
      logs: logs.retentionMs,
    },
  });
}
