import { systemClock } from "#clock/system-clock.ts";
import type { Store } from "#ports/store.ts";
import type { ComponentStatus, Service } from "#rpc/service.ts";
import type { Logger } from "#telemetry/logger.ts";
import { evaluateSchedules } from "./evaluate-schedules.ts";
import { LeadLoop } from "./lead-loop.ts";
import type { LastingFailure } from "./make-scheduled-run.ts";
import { randomSuffix } from "./run-id.ts";
import { createScheduledDefinitions } from "./scheduled-definitions.ts";
import { schedulerRoutes } from "./scheduler-service.ts";
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
  logger: Logger;
}): Service {
  const { store, logger } = deps;
  // Each start is a holder of its own: writes of an earlier one must not pass as this one's.
  const holder = `${deps.schedulerId}/${randomSuffix()}`;
  const failures = new Map<string, LastingFailure>();
  const definitions = createScheduledDefinitions(store);
  let loop: LeadLoop | null = null;
  return {
    name: "scheduler",
    routes: schedulerRoutes({ trigger: createTriggerHandler(store), logger }),
    async start() {
      loop ??= new LeadLoop({
        ...deps,
        clock: systemClock,
        schedulerId: holder,
        evaluate: (epoch, signal) =>
          evaluateSchedules({ store, epoch, failures, definitions, createSuffix: randomSuffix, signal, logger }),
      });
    },
    async stop() {
      const running = loop;
      loop = null;
      await running?.stop();
    },
    health: () => ({ scheduler: leadership(loop), schedules: scheduleHealth(loop, failures) }),
  };
}

function leadership(loop: LeadLoop | null): ComponentStatus {
  if (loop === null) return { status: "unhealthy", detail: "not started" };
  const error = loop.leaseError;
  if (error !== null) return { status: "degraded", detail: error };
  return { status: "healthy", detail: "" };
}

/** Only a leader knows. */
function scheduleHealth(loop: LeadLoop | null, failures: ReadonlyMap<string, LastingFailure>): ComponentStatus {
  if (loop === null || loop.epoch === null || failures.size === 0) return { status: "healthy", detail: "" };
  const named = [...failures].slice(0, maxNamedFailures).map(([dagId, { cause }]) => `${dagId}: ${cause}`);
  const rest = failures.size > maxNamedFailures ? `, and ${failures.size - maxNamedFailures} more` : "";
  return { status: "degraded", detail: `scheduled runs can't be made: ${named.join("; ")}${rest}` };
}
