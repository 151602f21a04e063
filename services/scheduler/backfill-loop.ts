import { AppError, describeError } from "#errors/app-error.ts";
import type { Clock } from "#ports/clock.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { advanceBackfill } from "./advance-backfill.ts";
import { Pause } from "./pause.ts";

export interface BackfillLoopOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Null: it does not lead. */
  readonly epoch: () => number | null;
  /** Tells the ids of runs apart. */
  readonly createSuffix: () => string;
  readonly intervalMs: number;
  readonly logger: Logger;
}

export interface BackfillLoop {
  /** Why the last look failed; null: it did not. */
  readonly error: string | null;
  /** Ends what is under way. */
  stop(): Promise<void>;
}

/** Backfills read at once. */
const pageSize = 100;

/** Ends of runs come in bursts: looks are so far apart at least, unless there is something to do. */
const restMs = 100;

/** What wakes it: a backfill was made or changed, a definition is back or resumed. The end of a run does where there is a backfill. */
const topics = ["backfills", "definitions"] as const;

/**
 * Carries the backfills on, each one step a turn, while this scheduler leads. It reads the epoch anew for each look: an
 * old one changes nothing.
 */
export function startBackfillLoop(options: BackfillLoopOptions): BackfillLoop {
  const { store, clock, intervalMs, logger } = options;
  const stopping = new AbortController();
  const pause = new Pause(clock);
  let error: string | null = null;
  let hasOpen = true;
  const wake = (): void => pause.wake();
  const unlisten = topics.map((topic) => store.wake.listen(topic, wake));
  unlisten.push(store.wake.listen("ended", () => hasOpen && wake()));
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      let hasMore = false;
      try {
        // One that is made while it looks wakes it by itself; an end before the look is over must not be lost.
        hasOpen = true;
        ({ hasMore, hasOpen } = await lookAtBackfills(options, stopping.signal));
        error = null;
      } catch (thrown) {
        error = describeError(thrown);
        logger.warn({ err: thrown }, "could not carry the backfills on, trying again");
      }
      if (!hasMore) await pause.wait({ atLeastMs: error === null ? restMs : intervalMs, atMostMs: intervalMs });
    }
  };
  const ended = run();
  return {
    get error() {
      return error;
    },
    async stop() {
      for (const end of unlisten) end();
      stopping.abort();
      pause.end();
      await ended;
    },
  };
}

interface Look {
  /** One of them has something to do at once. */
  readonly hasMore: boolean;
  /** There are some, as far as it could see. */
  readonly hasOpen: boolean;
}

/** Carries each on by one step. One that fails holds no other up. */
async function lookAtBackfills(options: BackfillLoopOptions, signal: AbortSignal): Promise<Look> {
  const { store, createSuffix, logger } = options;
  const epoch = options.epoch();
  if (epoch === null) return { hasMore: false, hasOpen: true };
  let hasMore = false;
  let hasOpen = false;
  let failure: AppError | null = null;
  for (let afterKey = 0; ; ) {
    const open = await store.backfills.listOpen({ afterKey, limit: pageSize });
    hasOpen ||= open.length > 0;
    for (const backfill of open) {
      if (signal.aborted) return { hasMore: false, hasOpen };
      try {
        const step = await advanceBackfill(backfill, { store, epoch, createSuffix, logger, signal });
        if (step === "deposed") return { hasMore: false, hasOpen };
        hasMore ||= step === "more";
      } catch (thrown) {
        logger.warn({ backfill_id: backfill.backfillId, err: thrown }, "could not carry a backfill on, trying again");
        failure = AppError.from(thrown);
      }
    }
    const last = open.at(-1);
    if (last === undefined || open.length < pageSize) break;
    afterKey = last.backfillKey;
  }
  if (failure !== null && !hasMore) throw failure;
  return { hasMore, hasOpen };
}
