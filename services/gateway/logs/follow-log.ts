import type { LogLineRow, LogStore } from "#ports/log-store.ts";
import type { InstanceView } from "#ports/run-views.ts";
import type { Queries } from "#ports/queries.ts";
import type { Wake } from "#ports/wake.ts";
import { createLatch } from "../latch.ts";

/** Lines read at once. */
const pageSize = 1_000;
/** Wakes are hints; without one the log is looked at this often, in milliseconds. */
const pollMs = 1_000;
/** Lines may be stored a moment after the end of their attempt: the last look is this much later, in milliseconds. */
const lingerMs = 250;

export interface LogFollow {
  readonly instanceId: string;
  /** Null: the newest attempt when there is one. */
  readonly tryNumber: number | null;
  readonly afterLine: number;
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

/**
 * An attempt's lines in order. Without `follow` those that are there; with it also those that come, until the attempt
 * has ended and all its lines are out, or the signal aborts. An instance that ends without an attempt has no lines.
 */
export async function* followLog(
  deps: { queries: Queries; logs: LogStore; wake: Wake },
  options: LogFollow,
): AsyncGenerator<{ readonly lines: readonly LogLineRow[]; readonly tryNumber: number }> {
  const { follow, signal } = options;
  const latch = createLatch();
  /** What a hint about these lines says; an empty hint is about all. */
  let subject: string | null = null;
  const unlisten = deps.wake.listen("logs", (detail) => {
    if (detail === "" || detail === subject) latch.open();
  });
  let tryNumber = options.tryNumber;
  let generation: number | null = null;
  let afterLine = options.afterLine;
  let isLastLook = false;
  try {
    while (!signal.aborted) {
      const view = await deps.queries.getInstance(options.instanceId);
      if (view === null) return;
      subject = `${view.runKey}/${view.ordinal}`;
      generation ??= view.generation;
      if (tryNumber === null && view.tryNumber > 0) tryNumber = view.tryNumber;
      const hasEnded = isOver(view, { generation, tryNumber });
      const attempt = { runKey: view.runKey, ordinal: view.ordinal, generation, tryNumber: tryNumber ?? 0 };
      const lines = tryNumber === null ? [] : await deps.logs.read({ attempt, afterLine, limit: pageSize });
      if (lines.length > 0) {
        afterLine = lines.at(-1)?.number ?? afterLine;
        yield { lines, tryNumber: attempt.tryNumber };
      } else if (!follow || isLastLook || (hasEnded && tryNumber === null)) return;
      if (lines.length === pageSize) continue;
      isLastLook = hasEnded;
      if (follow) await latch.wait({ timeoutMs: hasEnded ? lingerMs : pollMs, signal });
    }
  } finally {
    unlisten();
  }
}

/** The attempt runs no more: another one does, or none. */
function isOver(view: InstanceView, attempt: { generation: number; tryNumber: number | null }): boolean {
  if (view.generation !== attempt.generation) return true;
  if (attempt.tryNumber === null) return view.state !== "none" && view.state !== "queued";
  return view.tryNumber > attempt.tryNumber || view.state !== "running";
}
