import type { Queries } from "#ports/queries.ts";
import type { RunView } from "#ports/run-views.ts";
import type { Wake } from "#ports/wake.ts";
import { createLatch } from "../latch.ts";

/** The hint of an end is the quick way; whoever waits looks by himself this often, in milliseconds. */
const pollMs = 2_000;

/**
 * The run when it has its `end_date`, as it is when the signal aborts, or null when it is gone. It is read after the
 * listening has begun, so that an end between them is seen.
 */
export async function waitForEnd(
  { queries, wake }: { queries: Queries; wake: Wake },
  runId: string,
  signal: AbortSignal,
): Promise<RunView | null> {
  const latch = createLatch();
  const endListening = wake.listen("ended", (detail) => {
    if (detail === runId || detail === "") latch.open();
  });
  try {
    for (;;) {
      const run = await queries.getRun(runId);
      if (run === null || run.endedAt !== null || signal.aborted) return run;
      await latch.wait({ timeoutMs: pollMs, signal });
    }
  } finally {
    endListening();
  }
}
