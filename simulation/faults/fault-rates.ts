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

/** Kinds of the bus, for the seeds that have one; drawn apart, so that they shift no others. */
export const busFaultKinds = ["bus_refused", "bus_lost", "bus_doubled", "bus_late", "bus_away", "bus_rewound"] as const;

export type FaultKind = (typeof faultKinds)[number] | (typeof busFaultKinds)[number];

/** The kinds that are on for a seed. */
export function drawFaults(
  kinds: readonly FaultKind[],
  random: RandomStream,
  without: ReadonlySet<FaultKind>,
): ReadonlySet<FaultKind> {
  return new Set(kinds.filter((kind) => random.chance(2 / 3) && !without.has(kind)));
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

/** What becomes of tickets while faults last. */
export interface BusFaults {
  readonly rejectedShare: number;
  /** Published, all or in part, and then reported as refused. */
  readonly unknownShare: number;
  readonly lostShare: number;
  readonly doubledShare: number;
  readonly lateShare: number;
}

export function busFaults(random: RandomStream, faults: ReadonlySet<FaultKind>): BusFaults {
  const share = (kind: FaultKind, most: number): number => {
    const drawn = random.between(0, most);
    return faults.has(kind) ? drawn : 0;
  };
  return {
    rejectedShare: share("bus_refused", 0.2),
    unknownShare: share("bus_refused", 0.2),
    lostShare: share("bus_lost", 0.3),
    doubledShare: share("bus_doubled", 0.5),
    lateShare: share("bus_late", 0.5),
  };
}
