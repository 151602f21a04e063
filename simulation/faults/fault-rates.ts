import type { RandomStream } from "../world/random.ts";

/** Kinds of faults; each seed has about a third of them off, and `--without` takes more away. */
export const faultKinds = [
  "worker_crash",
  "worker_pause",
  "spool_lost",
  "executor_crash",
  "executor_pause",
  "scheduler_crash",
  "scheduler_pause",
  "link_cut",
  "link_reset",
  "link_slow",
  "database_error",
  "database_unknown",
  "database_slow",
  "database_away",
  "wakes_lost",
  "clock_rates",
  "worker_drain",
  "failures",
  "cancel",
  "clear",
  "mark",
  "run_pause",
  "repeated_requests",
] as const;

export type FaultKind = (typeof faultKinds)[number];

/** The kinds that are on for a seed. */
export function drawFaults(random: RandomStream, without: ReadonlySet<FaultKind>): ReadonlySet<FaultKind> {
  return new Set(faultKinds.filter((kind) => random.chance(2 / 3) && !without.has(kind)));
}

/** How often requests to the database go wrong while faults last. */
export interface DatabaseFaults {
  readonly errorShare: number;
  /** Executed, and then reported as failed. */
  readonly unknownShare: number;
  /** Requests wait before they are executed, and writers hold their rows meanwhile. */
  readonly isSlow: boolean;
}

export function databaseFaults(random: RandomStream, faults: ReadonlySet<FaultKind>): DatabaseFaults {
  return {
    errorShare: faults.has("database_error") ? random.between(0, 0.1) : 0,
    unknownShare: faults.has("database_unknown") ? random.between(0, 0.1) : 0,
    isSlow: faults.has("database_slow"),
  };
}
