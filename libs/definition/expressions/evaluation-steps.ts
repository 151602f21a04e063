/*
 * One evaluation takes so many steps and no more, so that no expression holds a service up: turns of loops, and reading
 * and writing of long texts and lists. Evaluations are synchronous, so one counter serves them all.
 */

let stepsAllowed = 0;
let stepsLeft = 0;
const patternsUsed = new Set<string>();

/** Begins an evaluation that may take so many steps. */
export function allowSteps(count: number): void {
  stepsAllowed = count;
  stepsLeft = count;
  patternsUsed.clear();
}

/** What the last evaluation left of its steps. */
export function leftSteps(): number {
  return Math.max(0, stepsLeft);
}

/** Throws a plain Error when the evaluation has none left. */
export function takeSteps(count: number): void {
  stepsLeft -= count;
  if (stepsLeft < 0) {
    throw new Error(
      `it takes more than ${stepsAllowed} steps: turns of loops, or long texts and lists; let a task compute it and leave what is needed as an output`,
    );
  }
}

/** Whether this evaluation uses the pattern for the first time. */
export function isFirstUse(pattern: string): boolean {
  if (patternsUsed.has(pattern)) return false;
  patternsUsed.add(pattern);
  return true;
}
