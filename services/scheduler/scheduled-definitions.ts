import { LRUCache } from "lru-cache";
import type { Definition } from "#definition/model.ts";
import type { DueSchedule } from "#ports/schedule-store.ts";
import type { Store } from "#ports/store.ts";
import { openSchedule, type Schedule } from "#schedule/schedule.ts";
import { policyOf, type SchedulePolicy } from "#schedule/schedule-policy.ts";

/** A version with its schedule opened. */
export interface ScheduledDefinition {
  readonly definition: Definition;
  /** Null: the version has no schedule. */
  readonly timing: Timing | null;
}

export interface Timing {
  readonly schedule: Schedule;
  /** The same as if it had always been registered, which tells the slot before the first. */
  readonly endless: Schedule;
  readonly policy: SchedulePolicy;
}

/** What is kept, in definitions and in tasks of all of them together. */
const maxKept = 2000;
const maxKeptTasks = 50_000;

/** Reads versions; they are immutable, so what was opened is kept. */
export function createScheduledDefinitions(store: Store): (due: DueSchedule) => Promise<ScheduledDefinition> {
  const kept = new LRUCache<string, ScheduledDefinition>({
    max: maxKept,
    maxSize: maxKeptTasks,
    sizeCalculation: ({ definition }) => 1 + definition.tasks.length,
  });
  return async ({ versionKey, registeredAt }) => {
    const key = `${versionKey}/${registeredAt}`;
    const known = kept.get(key);
    if (known !== undefined) return known;
    const version = await store.definitions.getVersion(versionKey);
    if (version === null) throw new Error(`there is no version with key ${versionKey}`);
    const opened = open(version.definition as Definition, registeredAt);
    kept.set(key, opened);
    return opened;
  };
}

function open(definition: Definition, registeredAt: number): ScheduledDefinition {
  const { schedule: spec } = definition;
  if (spec === null) return { definition, timing: null };
  const [schedule, endless] = [openSchedule(spec, registeredAt), openSchedule(spec, null)];
  return { definition, timing: { schedule, endless, policy: policyOf(spec) } };
}
