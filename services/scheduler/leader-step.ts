/**
 * Leadership and timing of the scheduler as a pure step. Times are milliseconds of the monotonic clock.
 *
 * 1. Only a leader evaluates schedules, with the epoch of its lease; every write carries that epoch (G8).
 * 2. A leader counts its lease from the sending of the request that was granted, so that it never believes in it longer
 *    than the database does; when it is over, it leads no more, whatever is under way.
 * 3. One lease request and one evaluation are under way at most, and a long evaluation delays no renewal.
 * 4. Wakes and timers are hints: the polling interval looks anyway.
 * 5. An evaluation that failed is made again soon; the pauses grow to the polling interval, and begin anew with a wake or epoch.
 */
export interface LeaderState {
  /** Null: another scheduler leads, or nobody. */
  readonly epoch: number | null;
  readonly leaseEndsAt: number;
  /** When the lease request under way was sent; null: none is. */
  readonly leaseSentAt: number | null;
  readonly nextLeaseAt: number;
  readonly isEvaluating: boolean;
  /** Something changed while it evaluated: look again at once. */
  readonly isStale: boolean;
  readonly nextEvaluationAt: number;
  /** Evaluations that failed in a row. */
  readonly failures: number;
  /** It asks for no lease and begins no evaluation any more; what is under way ends first, then the lease goes back. */
  readonly isStopping: boolean;
  readonly isReleased: boolean;
}

export type LeaderEvent =
  | { readonly kind: "timer" }
  | { readonly kind: "woken" }
  | { readonly kind: "lease_granted"; readonly epoch: number }
  | { readonly kind: "lease_refused" }
  /** The database did not answer; the lease may or may not have been renewed. */
  | { readonly kind: "lease_failed" }
  /** `nextInMs`: when the next slot is due; null: none is known. */
  | { readonly kind: "evaluated"; readonly nextInMs: number | null }
  | { readonly kind: "evaluation_failed" }
  /** A write with this epoch was refused: it no longer leads. */
  | { readonly kind: "deposed"; readonly epoch: number }
  | { readonly kind: "stop" };

export type LeaderEffect =
  | { readonly kind: "request_lease" }
  | { readonly kind: "evaluate"; readonly epoch: number }
  | { readonly kind: "release_lease" };

export interface LeaderTiming {
  readonly leaseMs: number;
  readonly pollingIntervalMs: number;
}

/** A lease is renewed so many times in its life; a takeover takes at most the lease and one such share. */
const renewalsPerLease = 4;

/** The pause behind the first evaluation that fails; each further one in a row has twice as long. */
const firstRetryMs = 100;

/** Longer sleeps are cut: `setTimeout` fires at once beyond 2^31 ms, and clocks drift. */
const maxSleepMs = 3_600_000;

export function initialLeaderState(now: number): LeaderState {
  return {
    epoch: null,
    leaseEndsAt: now,
    leaseSentAt: null,
    nextLeaseAt: now,
    isEvaluating: false,
    isStale: false,
    nextEvaluationAt: now,
    failures: 0,
    isStopping: false,
    isReleased: false,
  };
}

/** The state after an event, and what is to be done now. */
export function stepLeader(
  state: LeaderState,
  event: LeaderEvent,
  now: number,
  timing: LeaderTiming,
): readonly [LeaderState, readonly LeaderEffect[]] {
  return decide(expireLease(applyEvent(state, event, now, timing), now), now);
}

/** When a `timer` event is due. */
export function nextTimerAt(state: LeaderState, now: number): number {
  const times = [now + maxSleepMs];
  if (state.leaseSentAt === null) times.push(state.nextLeaseAt);
  if (state.epoch !== null) times.push(state.leaseEndsAt);
  if (state.epoch !== null && !state.isEvaluating) times.push(state.nextEvaluationAt);
  return Math.max(now, Math.min(...times));
}

function applyEvent(state: LeaderState, event: LeaderEvent, now: number, timing: LeaderTiming): LeaderState {
  const renewMs = timing.leaseMs / renewalsPerLease;
  switch (event.kind) {
    case "timer":
      return state;
    case "woken":
      return state.isEvaluating ? { ...state, isStale: true } : { ...state, nextEvaluationAt: now };
    case "lease_granted": {
      const sentAt = state.leaseSentAt ?? now;
      const lease = { leaseSentAt: null, leaseEndsAt: sentAt + timing.leaseMs, nextLeaseAt: sentAt + renewMs };
      if (event.epoch === state.epoch || state.isStopping) return { ...state, ...lease };
      return { ...state, ...lease, epoch: event.epoch, nextEvaluationAt: now, isStale: state.isEvaluating };
    }
    case "lease_refused":
      return { ...state, epoch: null, leaseSentAt: null, nextLeaseAt: now + renewMs };
    case "lease_failed":
      return { ...state, leaseSentAt: null, nextLeaseAt: now + renewMs };
    case "evaluated": {
      const waitMs = Math.min(event.nextInMs ?? timing.pollingIntervalMs, timing.pollingIntervalMs);
      const idle = { isEvaluating: false, isStale: false, failures: 0 };
      return { ...state, ...idle, nextEvaluationAt: state.isStale ? now : now + waitMs };
    }
    case "evaluation_failed": {
      const failures = state.isStale ? 0 : state.failures;
      const pauseMs = Math.min(firstRetryMs * 2 ** failures, timing.pollingIntervalMs);
      const idle = { isEvaluating: false, isStale: false, failures: failures + 1 };
      return { ...state, ...idle, nextEvaluationAt: now + pauseMs };
    }
    case "deposed":
      return {
        ...state,
        isEvaluating: false,
        isStale: false,
        ...(state.epoch === event.epoch ? { epoch: null, nextLeaseAt: now } : { nextEvaluationAt: now }),
      };
    case "stop":
      return { ...state, isStopping: true, epoch: null };
  }
}

/** Rule 2. */
function expireLease(state: LeaderState, now: number): LeaderState {
  return state.epoch !== null && now >= state.leaseEndsAt ? { ...state, epoch: null } : state;
}

function decide(state: LeaderState, now: number): readonly [LeaderState, readonly LeaderEffect[]] {
  if (state.isStopping) {
    const isBusy = state.leaseSentAt !== null || state.isEvaluating;
    if (isBusy || state.isReleased) return [state, []];
    return [{ ...state, isReleased: true }, [{ kind: "release_lease" }]];
  }
  const effects: LeaderEffect[] = [];
  let next = state;
  if (next.leaseSentAt === null && now >= next.nextLeaseAt) {
    next = { ...next, leaseSentAt: now };
    effects.push({ kind: "request_lease" });
  }
  if (next.epoch !== null && !next.isEvaluating && now >= next.nextEvaluationAt) {
    effects.push({ kind: "evaluate", epoch: next.epoch });
    next = { ...next, isEvaluating: true };
  }
  return [next, effects];
}
