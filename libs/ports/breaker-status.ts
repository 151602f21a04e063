export type BreakerState = "closed" | "open" | "half_open";

export interface BreakerChange {
  readonly state: BreakerState;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly cause: string;
}

/** What people see of a circuit breaker. */
export interface BreakerStatus {
  /** What it guards: `database read`. */
  readonly name: string;
  readonly state: BreakerState;
  /** The last changes, oldest first. */
  readonly changes: readonly BreakerChange[];
}
