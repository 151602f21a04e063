import { breakerComponent } from "#breakers/breaker-component.ts";
import { systemClock } from "#clock/system-clock.ts";
import type { Store } from "#ports/store.ts";
import type { ComponentStatus, Service } from "#rpc/service.ts";
import type { SensorHost } from "#sensors/look.ts";
import type { Logger } from "#telemetry/logger.ts";
import { type BackfillLoop, startBackfillLoop } from "./backfill-loop.ts";
import { defaultParallelEvaluations, evaluateSchedules } from "./evaluate-schedules.ts";
import { LeadLoop } from "./lead-loop.ts";
import type { LastingFailure } from "./make-scheduled-run.ts";
import { randomSuffix } from "./run-id.ts";
import { createScheduledDefinitions } from "./scheduled-definitions.ts";
import { schedulerRoutes } from "./scheduler-service.ts";
import { createScheduleLag, type ScheduleLag } from "./schedule-lag.ts";
import { type SensorLoop, startSensorLoop } from "./sensor-loop.ts";
import { createTriggerHandler } from "./trigger-run.ts";

/** Definitions named in the health's detail at most. */
const maxNamedFailures = 3;

/**
 * Turns time and requests into runs. Any number may run over one store: all take triggers, the one that holds the lease
 * makes the scheduled runs.
 */
export function createScheduler(deps: {
  store: Store;
  schedulerId: string;
  leaseMs: number;
  pollingIntervalMs: number;
  /** Absent: `defaultParallelEvaluations`. */
  maxParallelEvaluations?: number;
  /** What sensors reach the world by; absent: none is polled here. */
  sensorHost?: SensorHost;
  logger: Logger;
}): Service {
  const { store, logger, maxParallelEvaluations: maxParallel = defaultParallelEvaluations } = deps;
  // Each start is a holder of its own: writes of an earlier one must not pass as this one's.
  const holder = `${deps.schedulerId}/${randomSuffix()}`;
  const failures = new Map<string, LastingFailure>();
  const lag = createScheduleLag(logger);
  const shared = { store, createSuffix: randomSuffix, logger };
  const definitions = createScheduledDefinitions(store);
  let loop: LeadLoop | null = null;
  let backfills: BackfillLoop | null = null;
  let sensors: SensorLoop | null = null;
  return {
    name: "scheduler",
    routes: schedulerRoutes({ trigger: createTriggerHandler(store), store, logger }),
    async start() {
      loop ??= new LeadLoop({
        ...deps,
        clock: systemClock,
        schedulerId: holder,
        evaluate: (epoch, signal) =>
          evaluateSchedules({ ...shared, epoch, failures, definitions, signal, maxParallel, lag }),
      });
      const steady = {
        ...shared,
        clock: systemClock,
        epoch: () => loop?.epoch ?? null,
        intervalMs: deps.pollingIntervalMs,
      };
      backfills ??= startBackfillLoop(steady);
      if (deps.sensorHost === undefined) return;
      sensors ??= startSensorLoop({ ...steady, host: deps.sensorHost, maxParallel });
    },
    async stop() {
      const [leading, filling, looking] = [loop, backfills, sensors];
      [loop, backfills, sensors] = [null, null, null];
      await Promise.all([filling?.stop(), looking?.stop(), leading?.stop()]);
      await deps.sensorHost?.sessions.close();
    },
    health: () => ({
      scheduler: leadership(loop),
      schedules: scheduleHealth(loop, failures, lag),
      backfills: loopHealth(backfills),
      sensors: loopHealth(sensors),
      breakers: breakerComponent(store.breakers),
    }),
  };
}

function leadership(loop: LeadLoop | null): ComponentStatus {
  if (loop === null) return { status: "unhealthy", detail: "not started" };
  const error = loop.leaseError;
  if (error !== null) return { status: "degraded", detail: error };
  return { status: "healthy", detail: "" };
}

function loopHealth(loop: BackfillLoop | SensorLoop | null): ComponentStatus {
  const error = loop?.error ?? null;
  return error === null ? { status: "healthy", detail: "" } : { status: "degraded", detail: error };
}

/** Only a leader knows. */
function scheduleHealth(
  loop: LeadLoop | null,
  failures: ReadonlyMap<string, LastingFailure>,
  lag: ScheduleLag,
): ComponentStatus {
  if (loop === null || loop.epoch === null) return { status: "healthy", detail: "" };
  if (failures.size === 0) return { status: lag.problem === null ? "healthy" : "degraded", detail: lag.problem ?? "" };
  const named = [...failures].slice(0, maxNamedFailures).map(([dagId, { cause }]) => `${dagId}: ${cause}`);
  const rest = failures.size > maxNamedFailures ? `, and ${failures.size - maxNamedFailures} more` : "";
  const late = lag.problem === null ? "" : `${lag.problem}; `;
  return { status: "degraded", detail: `${late}scheduled runs can't be made: ${named.join("; ")}${rest}` };
}
