import type { BackfillRow, NewBackfill } from "#ports/backfill-store.ts";

export interface StoredSlot {
  readonly logicalAt: number;
  state: "waiting" | "active" | "ended" | "left" | "refused";
  runKey: number | null;
  reason: string;
}

export interface StoredBackfill {
  row: BackfillRow;
  readonly request: NewBackfill["request"];
  /** By date, in the order in which they were listed. */
  readonly slots: Map<number, StoredSlot>;
}
