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

/** A place of the artifact store whose file is to be removed. */
export interface UnlistedFile {
  readonly location: string;
  /** How often the store has not removed it. */
  readonly failureCount: number;
}

/** A file that the store did not remove. */
export interface FailedFile {
  readonly location: string;
  /** What the store said. */
  readonly reason: string;
  /** From now on, in milliseconds. */
  readonly dueInMs: number;
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
  /** Files that no artifact names and that are due, those first that have been for the longest. */
  listUnlistedFiles(limit: number): Promise<readonly UnlistedFile[]>;
  /** The files are gone from these places. */
  forgetFiles(locations: readonly string[]): Promise<void>;
  /** These, as far as they are due, have failed once more, and each is due again at its own time. */
  postponeFiles(files: readonly FailedFile[]): Promise<void>;
  /** Of these locations of attempts' files those that neither an artifact nor a note names. */
  findUnknownFiles(locations: readonly string[]): Promise<readonly string[]>;
  /** These, as far as they are unknown, are to be removed from now on. */
  noteFiles(locations: readonly string[]): Promise<void>;
}
