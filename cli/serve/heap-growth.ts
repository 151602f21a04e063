import { getHeapStatistics, setFlagsFromString } from "node:v8";

/** A heap may grow by so much over what lives in it, */
const stepBytes = 40 * 2 ** 20;
/** or by this share of it where that is more, */
const leastPercent = 30;
/** and by no more than this of a small one, whose collection is soon done. */
const mostPercent = 200;
/** V8 is told in steps. */
const percentStep = 10;
const lookIntervalMs = 1000;
/** What lives is the least that was in use at the last looks: the rest was garbage. */
const looksBack = 5;

/** By how much a heap in which so much lives may grow until it is collected, in percent. */
export function growthPercent(livingBytes: number): number {
  const percent = Math.round((100 * stepBytes) / livingBytes / percentStep) * percentStep;
  return Math.min(mostPercent, Math.max(leastPercent, percent));
}

/**
 * V8 lets the heap of a busy process grow to three or four times of what lives in it, to collect seldom. A service shares
 * its machine with others, and does its largest work at once: it collects sooner. What V8 is told counts from the next
 * collection on, so that a service is started with the most that it may ever grow (bin/millrace.js), and nothing larger
 * is in force when its work begins. Called once compiled code is kept, which is good for the flags that it was made with.
 * Answers how to end it.
 */
export function limitHeapGrowth(): () => void {
  let inForce = mostPercent;
  const looks: number[] = [];
  const timer = setInterval(() => {
    looks.push(getHeapStatistics().used_heap_size);
    looks.splice(0, looks.length - looksBack);
    const percent = growthPercent(Math.min(...looks));
    if (percent !== inForce) setFlagsFromString(`--heap-growing-percent=${percent}`);
    inForce = percent;
  }, lookIntervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
