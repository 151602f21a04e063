import { formatDuration } from "#schedule/duration.ts";
import type { Logger } from "#telemetry/logger.ts";

/** Schedules whose turn came so long ago mean that the evaluation can't keep up. */
const behindMs = 10_000;

/** One look at the schedules. Times in milliseconds since 1970. */
interface ScheduleLook {
  readonly epoch: number;
  readonly now: number;
  /** When the turn of the schedule that waits longest came; null: none waits. */
  readonly turnAt: number | null;
}

/** How late schedules come to their turn. What came due while nobody led counts from when this scheduler began to lead. */
export interface ScheduleLag {
  note(look: ScheduleLook): void;
  /** Milliseconds, as of the last look; 0: none waited. */
  readonly lagMs: number;
  /** In words; null: the evaluation keeps up. */
  readonly problem: string | null;
}

export function createScheduleLag(logger: Logger): ScheduleLag {
  let term: { readonly epoch: number; readonly since: number } | null = null;
  let lagMs = 0;
  let isBehind = false;
  return {
    note({ epoch, now, turnAt }) {
      if (term?.epoch !== epoch) term = { epoch, since: now };
      lagMs = turnAt === null ? 0 : Math.max(0, Math.round(now - Math.max(turnAt, term.since)));
      // The way back is longer, so that a lag at the border is told once.
      const isNowBehind = lagMs > (isBehind ? behindMs / 2 : behindMs);
      if (isNowBehind && !isBehind) {
        logger.warn(
          { lag_ms: lagMs },
          "schedules come late: more are due than the scheduler and its database can make",
        );
      }
      if (!isNowBehind && isBehind) logger.info({ lag_ms: lagMs }, "schedules come in time again");
      isBehind = isNowBehind;
    },
    get lagMs() {
      return lagMs;
    },
    get problem() {
      return isBehind ? `schedules come ${formatDuration(Math.floor(lagMs / 1000) * 1000)} late` : null;
    },
  };
}
