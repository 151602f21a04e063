import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Settings } from "#config/settings-schema.ts";
import type { Store } from "#ports/store.ts";
import type { Service } from "#rpc/service.ts";
import type { Logger } from "#telemetry/logger.ts";
import { createScheduler } from "./scheduler.ts";
import { createSensorHost } from "./sensor-host.ts";

/** The scheduler as the settings want it, under an id of its own among all that may lead. */
export function wireScheduler(settings: Settings, parts: { store: Store; logger: Logger }): Service {
  const { scheduler } = settings;
  return createScheduler({
    ...parts,
    schedulerId: `${hostname()}-${randomUUID()}`,
    leaseMs: scheduler.leaseMs,
    pollingIntervalMs: scheduler.pollingIntervalMs,
    maxParallelEvaluations: scheduler.maxParallelEvaluations,
    sensorHost: createSensorHost(settings, parts.logger),
  });
}
