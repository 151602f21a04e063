import type { RandomStream } from "../world/random.ts";
import type { FaultKind } from "./fault-rates.ts";

/** Kinds that happen at a time, to somebody. */
export const timedKinds = [
  "worker_crash",
  "worker_pause",
  "worker_drain",
  "executor_crash",
  "executor_pause",
  "scheduler_crash",
  "scheduler_pause",
  "link_cut",
  "link_reset",
  "database_away",
  "cancel",
  "clear",
  "mark",
  "run_pause",
] as const satisfies readonly FaultKind[];

export const busTimedKinds = ["bus_away", "bus_rewound"] as const satisfies readonly FaultKind[];

export type TimedKind = (typeof timedKinds)[number] | (typeof busTimedKinds)[number];

export interface TimedFault {
  readonly kind: TimedKind;
  readonly atMs: number;
  readonly durationMs: number;
  /** Chooses whom it hits. */
  readonly pick: number;
}

/** A few faults within the time, of the kinds that are on. */
export function drawTimedFaults(
  among: readonly TimedKind[],
  random: RandomStream,
  faults: ReadonlySet<FaultKind>,
  options: { readonly untilMs: number; readonly most: number; readonly leaseMs: number },
): readonly TimedFault[] {
  const kinds = among.filter((kind) => faults.has(kind));
  if (kinds.length === 0) return [];
  const count = random.below(options.most + 1);
  return Array.from({ length: count }, () => ({
    kind: random.pick(kinds),
    atMs: random.next() ** 2 * options.untilMs,
    // From a hiccup to well beyond a lease.
    durationMs: random.next() ** 2 * options.leaseMs * 2,
    pick: random.below(1 << 20),
  }));
}
