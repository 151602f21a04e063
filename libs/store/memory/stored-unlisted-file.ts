/** A place of the artifact store that no artifact names. */
export interface StoredUnlistedFile {
  readonly dueAt: number;
  /** How often the store has not removed it, and what it said the last time; null: never. */
  readonly failureCount: number;
  readonly failure: string | null;
}
