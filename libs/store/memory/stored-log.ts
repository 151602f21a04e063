import type { LogLineRow } from "#ports/log-store.ts";

/** The log of one attempt. */
export interface StoredLog {
  readonly sequences: Set<number>;
  readonly lines: LogLineRow[];
}
