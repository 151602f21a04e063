/** What runs leave that is kept for a time of its own after their end. */
export const keptKinds = ["outputs", "artifacts", "logs"] as const;

export type KeptKind = (typeof keptKinds)[number];

/** Which runs a removal is about: those that ended at least so long ago by the store's clock. */
export interface Aged {
  readonly kind: KeptKind;
  readonly retentionMs: number;
}

/** What was removed of a run; the newest removal of its kind. */
export interface Removal {
  readonly kind: KeptKind;
  /** Whatever had ended by then has lost what it left. */
  readonly removedAt: number;
  /** How long it was kept after the end of the run. */
  readonly retentionMs: number;
}

export interface AgedPage {
  /** Runs that have something of the kind and may lose it. */
  readonly runKeys: readonly number[];
  /** Behind which the next page begins; null: no later run can have ended so long ago. */
  readonly nextKey: number | null;
}

/**
 * Removes what runs left when its time is over. A run is left alone while it has not ended, also because it was rerun, and
 * while a task waits for it. Each call holds its runs for one statement and waits for none.
 */
export interface RetentionStore {
  /** Runs in the order in which they were made, `limit` of those that have something of the kind looked at. */
  listAged(aged: Aged, page: { readonly afterKey: number; readonly limit: number }): Promise<AgedPage>;
  /**
   * Removes at most `limit` rows of these runs, as far as they may lose them and nobody else writes them now, and answers how
   * many it removed. Places of artifacts' files are unlisted from then on. A run that loses outputs has another revision.
   */
  remove(aged: Aged, batch: { readonly runKeys: readonly number[]; readonly limit: number }): Promise<number>;
  listRemovals(runKey: number): Promise<readonly Removal[]>;
  /** Places of files that no artifact names and that are due, behind `after`, in their order. */
  listUnlistedFiles(after: string, limit: number): Promise<readonly string[]>;
  /** The files are gone from these places. */
  forgetFiles(locations: readonly string[]): Promise<void>;
  /** These places, as far as they are due, are due only so many milliseconds from now. */
  postponeFiles(locations: readonly string[], byMs: number): Promise<void>;
}
