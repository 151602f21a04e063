import type { Queries } from "#ports/queries.ts";
import type { RunView } from "#ports/run-views.ts";
import type { Wake } from "#ports/wake.ts";
import type { Logger } from "#telemetry/logger.ts";
import { createLatch, type Latch } from "../latch.ts";

/** The hint of an end is the quick way; the runs that are waited for are looked through this often, in milliseconds. */
const defaultPollMs = 2_000;
/** Runs that are looked up at once. */
const pageSize = 1_000;
/** A waiter that hears nothing at all reads its run this often, in milliseconds. */
const idleMs = 60_000;
/** Ends that are remembered for those who don't know their run yet, newest first; of the others the look finds out. */
const maxHeard = 10_000;

/** A place taken before a run is asked for, so that no hint of its end is missed and a run that is new need not be read. */
export interface EndWatch {
  /**
   * The run when it has its `end_date`, as it is when the signal aborts, or null when it is gone. `isNew`: it was made after
   * this watch began.
   */
  readonly until: (run: { runId: string; isNew: boolean }, signal: AbortSignal) => Promise<RunView | null>;
  readonly leave: () => void;
}

export interface RunEnds {
  readonly watch: () => EndWatch;
  /** Ends the looking. Those who wait leave by their own signals. */
  readonly stop: () => Promise<void>;
}

/** The ends of runs for all that wait in this process: one listener, and one look for all of them where hints are lost. */
export function createRunEnds(deps: { queries: Queries; wake: Wake; logger: Logger; pollMs?: number }): RunEnds {
  const waiting = createWaiting();
  const heard = createHeard();
  const unlisten = deps.wake.listen("ended", (runId) => {
    heard.add(runId);
    waiting.open(runId);
  });
  const looks = createLooks(() => lookThrough(deps, waiting), deps.pollMs ?? defaultPollMs);
  return {
    watch() {
      const isHeard = heard.begin();
      let isLeft = false;
      const leave = () => {
        if (!isLeft) heard.end();
        isLeft = true;
      };
      return {
        async until({ runId, isNew }, signal) {
          const latch = createLatch();
          if (!isNew || isHeard(runId)) latch.open();
          // In the same turn as the last look at what was heard: from here on the latch hears.
          leave();
          waiting.add(runId, latch);
          looks.begin();
          try {
            return await readAtEnd(deps.queries, { runId, latch, signal });
          } finally {
            waiting.drop(runId, latch);
            if (waiting.isEmpty()) looks.pause();
          }
        },
        leave,
      };
    },
    async stop() {
      unlisten();
      await looks.stop();
    },
  };
}

async function readAtEnd(
  queries: Queries,
  { runId, latch, signal }: { runId: string; latch: Latch; signal: AbortSignal },
): Promise<RunView | null> {
  for (;;) {
    await latch.wait({ timeoutMs: idleMs, signal });
    const run = await queries.getRun(runId);
    if (run === null || run.endedAt !== null || signal.aborted) return run;
  }
}

/** What was heard while somebody had a watch. */
function createHeard() {
  let watches = 0;
  /** Times that every waiter was told to look, because hints may have been lost. */
  let losses = 0;
  const ids = new Set<string>();
  return {
    add(runId: string): void {
      if (runId === "") losses += 1;
      else if (watches > 0) ids.add(runId);
      const [oldest] = ids;
      if (ids.size > maxHeard && oldest !== undefined) ids.delete(oldest);
    },
    begin(): (runId: string) => boolean {
      watches += 1;
      const lossesBefore = losses;
      return (runId) => losses > lossesBefore || ids.has(runId);
    },
    end(): void {
      watches -= 1;
      if (watches === 0) ids.clear();
    },
  };
}

/** The latches of those who wait, by run. */
function createWaiting() {
  const latches = new Map<string, Set<Latch>>();
  const openAll = (some: Iterable<Latch>) => {
    for (const latch of some) latch.open();
  };
  return {
    isEmpty: () => latches.size === 0,
    runIds: () => [...latches.keys()],
    add(runId: string, latch: Latch): void {
      const others = latches.get(runId);
      if (others === undefined) latches.set(runId, new Set([latch]));
      else others.add(latch);
    },
    drop(runId: string, latch: Latch): void {
      const ofRun = latches.get(runId);
      ofRun?.delete(latch);
      if (ofRun?.size === 0) latches.delete(runId);
    },
    /** An empty id is every run's. */
    open(runId: string): void {
      if (runId !== "") openAll(latches.get(runId) ?? []);
      else for (const ofRun of latches.values()) openAll(ofRun);
    },
  };
}

/** A look every so often while somebody waits, never two at once. */
function createLooks(look: () => Promise<void>, pollMs: number) {
  let timer: NodeJS.Timeout | null = null;
  let looking: Promise<void> | null = null;
  const turn = () => {
    looking ??= look().finally(() => {
      looking = null;
    });
  };
  const pause = () => {
    if (timer !== null) clearInterval(timer);
    timer = null;
  };
  return {
    begin(): void {
      timer ??= setInterval(turn, pollMs).unref();
    },
    pause,
    async stop(): Promise<void> {
      pause();
      await looking;
    },
  };
}

/** Lets those through whose run has ended, or is gone, without their having heard of it. */
async function lookThrough(
  { queries, logger }: { queries: Queries; logger: Logger },
  waiting: ReturnType<typeof createWaiting>,
): Promise<void> {
  const runIds = waiting.runIds();
  try {
    for (let from = 0; from < runIds.length; from += pageSize) {
      const page = runIds.slice(from, from + pageSize);
      const going = new Set(await queries.listUnended(page));
      for (const runId of page) if (!going.has(runId)) waiting.open(runId);
    }
  } catch (thrown) {
    logger.warn({ err: thrown }, "could not look whether runs that are waited for have ended; trying again");
  }
}
