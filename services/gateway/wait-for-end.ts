import type { Queries } from "#ports/queries.ts";
import type { EventTail } from "./event-tail.ts";
import { createLatch } from "./latch.ts";

/** Events are the quick way; whoever waits looks by himself this often, in milliseconds. */
const pollMs = 2_000;

/**
 * Resolves when the run has its `end_date` (or is gone), or when the signal aborts. The run is read before and after
 * the subscription, so that an end between them is seen.
 */
export async function waitForEnd(
  deps: { queries: Queries; tail: EventTail },
  runId: string,
  signal: AbortSignal,
): Promise<void> {
  const hasEnded = async (): Promise<boolean> => {
    const run = await deps.queries.getRun(runId);
    return run === null || run.endedAt !== null;
  };
  if (await hasEnded()) return;
  const latch = createLatch();
  const seat = await deps.tail.join((events) => {
    if (events.some((event) => event.eventType === "dag_run.ended" && event.dagRunId === runId)) latch.open();
  });
  try {
    while (!signal.aborted && !(await hasEnded())) await latch.wait({ timeoutMs: pollMs, signal });
  } finally {
    seat.leave();
  }
}
