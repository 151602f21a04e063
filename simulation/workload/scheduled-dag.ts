import { plainRuns } from "#core/plan.ts";
import { buildGraph } from "#core/graph.ts";
import type { ScheduleSpec } from "#schedule/schedule.ts";
import { createMemoryDefinitions } from "#store/memory/definition-store.ts";
import type { SimDatabase } from "../database/sim-database.ts";
import { quietTask } from "./quiet-task.ts";

const everyMs = 1000;
const slots = 4;

/** A DAG of one task that runs every second, a few times. */
export interface ScheduledDag {
  readonly dagId: string;
  readonly schedule: ScheduleSpec;
  /** The logical dates of all its runs. */
  readonly dates: readonly number[];
}

export function planScheduledDag(startAt: number): ScheduledDag {
  const firstAt = Math.ceil(startAt / everyMs) * everyMs;
  const dates = Array.from({ length: slots }, (_, slot) => firstAt + slot * everyMs);
  const entry = {
    rule: { kind: "every", everyMs } as const,
    timezone: "UTC",
    startAt: firstAt,
    endAt: dates.at(-1) ?? firstAt,
    dst: { gap: "shift", overlap: "first" } as const,
  };
  return { dagId: "scheduled", dates, schedule: { text: "every second", timezone: "UTC", entries: [entry] } };
}

export function registerScheduledDag(database: SimDatabase, { dagId, dates }: ScheduledDag): void {
  const tasks = [{ ...quietTask, id: "only" }];
  const definition = { tasks, graph: buildGraph([{ parents: [] }]), ...plainRuns };
  const firstAt = dates[0] ?? null;
  void createMemoryDefinitions(database.state).register({
    ...{ dagId, filePath: null, source: "api" as const, text: "", hash: dagId, definition },
    ...{ description: "", owner: "", tags: [] },
    schedule: { text: "every second", timezone: "UTC", rule: "every second", firstAt, nextAt: firstAt },
  });
}
