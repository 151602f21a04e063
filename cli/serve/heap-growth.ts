import { getHeapStatistics, setFlagsFromString } from "node:v8";

/** A heap beyond this is collected when it has grown by so much over what lived at its last collection. */
const largeHeapBytes = 48 * 2 ** 20;
const growthPercent = 30;
/** What V8 takes for a growth of its own choice. */
const ownChoice = 0;
const lookIntervalMs = 1000;

/**
 * V8 lets the heap of a busy process grow to about three times of what lives in it, to collect seldom. A service shares its
 * machine with others: with a large heap it collects sooner. A small one may grow as it does, where a collection
 * would come often and save little. Answers how to end it.
 */
export function limitHeapGrowth(): () => void {
  let isLarge = false;
  const timer = setInterval(() => {
    const wasLarge = isLarge;
    isLarge = getHeapStatistics().used_heap_size > largeHeapBytes;
    if (isLarge !== wasLarge) setFlagsFromString(`--heap-growing-percent=${isLarge ? growthPercent : ownChoice}`);
  }, lookIntervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
