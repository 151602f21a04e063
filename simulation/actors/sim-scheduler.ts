import type { Definition } from "#definition/model.ts";
import { openSchedule } from "#schedule/schedule.ts";
import { policyOf } from "#schedule/schedule-policy.ts";
import { evaluateSchedules } from "#services/scheduler/evaluate-schedules.ts";
import { LeadLoop } from "#services/scheduler/lead-loop.ts";
import type { LastingFailure } from "#services/scheduler/make-scheduled-run.ts";
import type { ScheduledDefinition } from "#services/scheduler/scheduled-definitions.ts";
import type { Logger } from "#telemetry/logger.ts";
import type { SimDatabase } from "../database/sim-database.ts";
import { createSimStore } from "../database/sim-store.ts";
import type { SimWakes } from "../database/sim-wakes.ts";
import type { ScheduledDag } from "../workload/scheduled-dag.ts";
import type { SimProcess } from "../world/sim-process.ts";

const leaseMs = 2000;
const pollingIntervalMs = 1500;

/** A scheduler process: the real leadership and the real evaluation of schedules. */
export class SimScheduler {
  readonly process: SimProcess;
  readonly #parts: { readonly database: SimDatabase; readonly wakes: SimWakes; readonly logger: Logger };
  readonly #scheduled: ScheduledDag | null;

  constructor(
    process: SimProcess,
    parts: { readonly database: SimDatabase; readonly wakes: SimWakes; readonly logger: Logger },
    scheduled: ScheduledDag | null,
  ) {
    this.process = process;
    this.#parts = parts;
    this.#scheduled = scheduled;
  }

  start(): void {
    this.process.restart();
    const { process } = this;
    const scheduled = this.#scheduled;
    if (scheduled === null) return;
    const { database, wakes, logger } = this.#parts;
    const store = createSimStore(database, process, wakes);
    const failures = new Map<string, LastingFailure>();
    // It lives as long as this life of its process: what a dead one planned does not happen.
    void new LeadLoop({
      store,
      clock: process,
      schedulerId: `${process.name}/${process.life}`,
      leaseMs,
      pollingIntervalMs,
      logger,
      evaluate: (epoch, signal) =>
        evaluateSchedules({
          store,
          epoch,
          failures,
          signal,
          logger,
          definitions: async ({ registeredAt }) => openDefinition(scheduled, registeredAt),
          createSuffix: () => Math.floor(process.random() * 2 ** 32).toString(16),
        }),
    });
  }

  crash(): void {
    this.process.crash();
  }
}

/** A definition without parameters; its plan is the version's content. */
function openDefinition({ dagId: id, schedule: spec }: ScheduledDag, registeredAt: number): ScheduledDefinition {
  const [schedule, endless] = [openSchedule(spec, registeredAt), openSchedule(spec, null)];
  // Making a run looks at no more of it than this.
  const definition = { id, parameters: {}, additionalParameters: true, timezone: "UTC" } as unknown as Definition;
  return { definition, timing: { schedule, endless, policy: policyOf({ catchup: "all" }) } };
}
