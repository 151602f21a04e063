import type { LogLineRow } from "#ports/log-store.ts";
import type { Removal } from "#ports/retention-store.ts";
import type { InstanceView } from "#ports/run-views.ts";
import { hasLost, textOfRemoval } from "../runs/removals.ts";

/** Stands where the log of an attempt was; null: none was removed, and the log is empty. `tryNumber` 0: the newest. */
export function removedLogLine(
  removal: Removal | null,
  { tryNumber, endedAt }: InstanceView,
  asked: { readonly tryNumber: number },
): LogLineRow | null {
  if (removal === null) return null;
  const isEarlier = asked.tryNumber !== 0 && asked.tryNumber < tryNumber;
  if (!isEarlier && !hasLost(removal, endedAt)) return null;
  return { number: 1, at: removal.removedAt, source: "system", text: textOfRemoval(removal) };
}
