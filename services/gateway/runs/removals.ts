import type { KeptKind, Removal, RetentionStore } from "#ports/retention-store.ts";
import { removalText } from "#rpc/removal-text.ts";

/** What was removed of a run; null: nothing of the kind. */
export async function findRemoval(retention: RetentionStore, runKey: number, kind: KeptKind): Promise<Removal | null> {
  return (await retention.listRemovals(runKey)).find((removal) => removal.kind === kind) ?? null;
}

/** As the API says it; empty where nothing was removed. */
export function textOfRemoval(removal: Removal | null): string {
  return removal === null ? "" : removalText(removal.kind, removal.retentionMs);
}

/** Whether what ended then has lost what it left. */
export function hasLost(removal: Removal | null, endedAt: number | null): removal is Removal {
  return removal !== null && endedAt !== null && endedAt <= removal.removedAt;
}
