import type { SlotNeed } from "#core/limits.ts";

/** A limit that tasks of any DAG name. */
export interface Pool {
  readonly name: string;
  /** Attempts that may hold it at once; 0 holds all of them back. */
  readonly size: number;
  readonly description: string;
}

export interface PoolView extends Pool {
  /** Attempts that hold it now. */
  readonly used: number;
  /** Queued instances that name it. */
  readonly waiting: number;
}

/** Who holds a slot of a limit. */
export interface LimitHolder {
  readonly runKey: number;
  readonly runId: string;
  /** Null: the run itself holds it. */
  readonly taskId: string | null;
  readonly mapIndex: number | null;
  readonly takenAt: number;
}

export interface LimitView {
  readonly limit: string;
  /** Null: it is a pool that nobody has made. */
  readonly size: number | null;
  readonly used: number;
  /** The longest first. */
  readonly holders: readonly LimitHolder[];
}

/** Pools, and who holds the slots of any limit. Slots are taken and freed with the changes of runs alone. */
export interface LimitStore {
  /** Makes the pool, or gives it another size; what holds more than a smaller size keeps it. */
  setPool(pool: Pool): Promise<void>;
  /** False: there is none. Tasks that name it wait until there is one again. */
  deletePool(name: string): Promise<boolean>;
  /** By name. */
  listPools(): Promise<readonly PoolView[]>;
  /** The longest first. */
  listHolders(limit: string, most: number): Promise<readonly LimitHolder[]>;
  /** How the limits stand that something needs, in that order, with at most so many holders each. */
  describeLimits(needs: readonly Pick<SlotNeed, "limit" | "size">[], most: number): Promise<readonly LimitView[]>;
}
