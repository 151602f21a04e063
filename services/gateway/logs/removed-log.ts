import type { LogLineRow } from "#ports/log-store.ts";
import type { Queries } from "#ports/queries.ts";
import type { Removal } from "#ports/retention-store.ts";
import type { InstanceView } from "#ports/run-views.ts";
import { hasLost, textOfRemoval } from "../runs/removals.ts";

/** Stands where the log of an attempt was; null: none was removed, and the log is empty. `tryNumber` 0: the newest. */
export async function removedLogLine(
  queries: Queries,
  view: InstanceView,
  { removal, tryNumber }: { readonly removal: Removal | null; readonly tryNumber: number },
): Promise<LogLineRow | null> {
  if (removal === null) return null;
  const isEarlier = tryNumber !== 0 && tryNumber < view.tryNumber;
  if (!hasLost(removal, isEarlier ? await endOf(queries, view, tryNumber) : view.endedAt)) return null;
  return { number: 1, at: removal.removedAt, source: "system", text: textOfRemoval(removal) };
}

/** Attempts of an instance as it was before a rerun have the same numbers. */
async function endOf(queries: Queries, view: InstanceView, tryNumber: number): Promise<number | null> {
  const attempts = await queries.listAttempts(view.runKey, view.ordinal);
  return attempts.find((one) => one.generation === view.generation && one.tryNumber === tryNumber)?.endedAt ?? null;
}
