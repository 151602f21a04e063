/** What one look at the process found. */
export interface MemoryLook {
  /** Share of the time since the last look in which the event loop had something to do. */
  readonly busyShare: number;
  /** Resident memory of the process, in bytes. */
  readonly residentBytes: number;
  /** The JavaScript heap, garbage included, in bytes. */
  readonly heapBytes: number;
}

/** What is remembered from look to look. */
export interface TrimState {
  readonly quietLooks: number;
  /** The least resident memory since the last trim; 0 before the first, which is always worth it. */
  readonly floorBytes: number;
}

export const untrimmed: TrimState = { quietLooks: 0, floorBytes: 0 };

/** Milliseconds between two looks. */
const lookIntervalMs = 4000;
/** Looks in a row that must find the process quiet. */
const quietLooksNeeded = 2;
const quietShare = 0.05;
/** Less is not worth a collection. */
const worthwhileBytes = 8 * 2 ** 20;
/** A collection takes a few milliseconds for each MiB; a larger heap is left to V8, for nobody may wait that long. */
const largestHeapBytes = 96 * 2 ** 20;

/** Whether now is the time to give memory back: nothing has happened for two looks, and there is something to gain. */
export function decideTrim(
  { quietLooks, floorBytes }: TrimState,
  look: MemoryLook,
): { readonly trims: boolean; readonly next: TrimState } {
  if (look.busyShare > quietShare) return { trims: false, next: { quietLooks: 0, floorBytes } };
  const isWorthwhile = look.residentBytes - floorBytes >= worthwhileBytes && look.heapBytes <= largestHeapBytes;
  const trims = isWorthwhile && quietLooks + 1 >= quietLooksNeeded;
  if (trims) return { trims, next: { quietLooks: 0, floorBytes: look.residentBytes } };
  return { trims, next: { quietLooks: quietLooks + 1, floorBytes: Math.min(floorBytes, look.residentBytes) } };
}

/**
 * Gives memory back while the process has nothing to do: what it needed to start, or for a burst of work, V8 would keep
 * for hours. Does nothing in a process without `--expose-gc`. Answers the function that ends it.
 */
export function startMemoryTrim(): () => void {
  const collect = globalThis.gc;
  if (collect === undefined) return () => undefined;
  let state = untrimmed;
  let usage = performance.eventLoopUtilization();
  const look = (): void => {
    const now = performance.eventLoopUtilization();
    const busyShare = performance.eventLoopUtilization(now, usage).utilization;
    usage = now;
    const { rss: residentBytes, heapTotal: heapBytes } = process.memoryUsage();
    const { trims, next } = decideTrim(state, { busyShare, residentBytes, heapBytes });
    state = next;
    if (!trims) return;
    collect({ type: "major", execution: "sync", flavor: "last-resort" });
    state = { ...state, floorBytes: process.memoryUsage.rss() };
    usage = performance.eventLoopUtilization();
  };
  const timer = setInterval(look, lookIntervalMs).unref();
  return () => clearInterval(timer);
}
