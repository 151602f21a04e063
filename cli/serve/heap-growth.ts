import { getHeapStatistics, setFlagsFromString } from "node:v8";

/** A heap may grow by so much over what lived at its last collection, */
const stepBytes = 48 * 2 ** 20;
/** or by this share of it where that is more, */
const leastPercent = 30;
/** and by no more than this of a small one, whose collection is soon done. */
const mostPercent = 200;
const lookIntervalMs = 1000;

/** By how much a heap of this size may grow until it is collected, in percent. */
export function growthPercent(heapBytes: number): number {
  const percent = Math.round((100 * stepBytes) / heapBytes);
  return Math.min(mostPercent, Math.max(leastPercent, percent));
}

/**
 * V8 lets the heap of a busy process grow to three or four times of what lives in it, to collect seldom. A service shares
 * its machine with others, and does its largest work at once: it collects sooner. What V8 is told counts from the next
 * collection on, so that a service is started with the most that it may ever grow (bin/millrace.js), and nothing larger
 * is in force when its work begins. Answers how to end it.
 */
export function limitHeapGrowth(): () => void {
  let inForce = mostPercent;
  const timer = setInterval(() => {
    const percent = growthPercent(getHeapStatistics().used_heap_size);
    if (percent !== inForce) setFlagsFromString(`--heap-growing-percent=${percent}`);
    inForce = percent;
  }, lookIntervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
