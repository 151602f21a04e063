/** When to scan the folder, as a pure step. Times are milliseconds of the monotonic clock. */
export interface ScanState {
  readonly isScanning: boolean;
  /** When the next scan is due. */
  readonly dueAt: number;
  /** When the first of the hints came that the next scan answers; null: none came. */
  readonly hintedAt: number | null;
  /** Scans in a row that failed. */
  readonly failedCount: number;
}

export type ScanEvent =
  | { readonly kind: "timer" }
  /** Something in the folder changed. */
  | { readonly kind: "hint" }
  /** Somebody waits for a scan. */
  | { readonly kind: "asked" }
  /** `isPending`: files are missing, and a second listing decides. */
  | { readonly kind: "scanned"; readonly isPending: boolean }
  | { readonly kind: "failed" };

/** Hints that come close together make one scan: it waits for a quiet moment, */
const quietMs = 60;
/** but not longer than this, so that steady writing delays nobody. */
const maxHintWaitMs = 300;
/** Time between the listing that lacks a file and the one that confirms it: long enough for a file to be replaced. */
const confirmMs = 250;
/** Wait after a failed scan; doubled each time, up to the scan interval. */
const retryMs = 500;

export function initialScanState(now: number): ScanState {
  return { isScanning: false, dueAt: now, hintedAt: null, failedCount: 0 };
}

/** The state after an event, and whether to begin a scan now. Never two at once; what comes during one is scanned after it. */
export function stepScan(
  state: ScanState,
  event: ScanEvent,
  now: number,
  scanIntervalMs: number,
): readonly [ScanState, boolean] {
  const next = applyEvent(state, event, now, scanIntervalMs);
  if (next.isScanning || now < next.dueAt) return [next, false];
  return [{ ...next, isScanning: true, hintedAt: null, dueAt: Number.POSITIVE_INFINITY }, true];
}

function applyEvent(state: ScanState, event: ScanEvent, now: number, scanIntervalMs: number): ScanState {
  switch (event.kind) {
    case "timer":
      return state;
    case "asked":
      return { ...state, dueAt: now };
    case "hint": {
      const hintedAt = state.hintedAt ?? now;
      const quietAt = Math.min(now + quietMs, hintedAt + maxHintWaitMs);
      // The first hint may bring the scan forward; those after it move it on.
      const dueAt = state.hintedAt === null ? Math.min(state.dueAt, quietAt) : Math.max(state.dueAt, quietAt);
      return { ...state, hintedAt, dueAt: Math.min(dueAt, hintedAt + maxHintWaitMs) };
    }
    case "scanned": {
      const waitMs = event.isPending ? Math.min(confirmMs, scanIntervalMs) : scanIntervalMs;
      return { ...state, isScanning: false, failedCount: 0, dueAt: Math.min(state.dueAt, now + waitMs) };
    }
    case "failed": {
      const waitMs = Math.min(retryMs * 2 ** state.failedCount, scanIntervalMs);
      return { ...state, isScanning: false, failedCount: state.failedCount + 1, dueAt: now + waitMs };
    }
  }
}
