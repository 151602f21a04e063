import { definitionLimits } from "../limits.ts";

/*
 * Evaluations take so many steps and no more, so that no expression holds a service up: turns of loops, and reading and
 * writing of long texts and lists. They are synchronous, so one of them is under way at a time.
 */

/** Steps for one evaluation, or for all of one rendering together. */
export interface StepBudget {
  readonly allowed: number;
  /** Below 0 when one was not enough. */
  left: number;
}

export function createStepBudget(allowed: number = definitionLimits.expressionSteps): StepBudget {
  return { allowed, left: allowed };
}

let current = createStepBudget(0);
const patternsUsed = new Set<string>();

/** Begins an evaluation that takes its steps from there. */
export function takeFrom(budget: StepBudget): void {
  current = budget;
  patternsUsed.clear();
}

/** What the evaluation that is under way, or was the last, has left. */
export function leftSteps(): number {
  return Math.max(0, current.left);
}

/** Throws a plain Error when the evaluation has none left. */
export function takeSteps(count: number): void {
  current.left -= count;
  if (current.left < 0) {
    throw new Error(
      `it takes more than ${current.allowed} steps, with what is evaluated beside it: turns of loops, or long texts and lists; let a task compute it and leave what is needed as an output`,
    );
  }
}

/** Whether this evaluation uses the pattern for the first time. */
export function isFirstUse(pattern: string): boolean {
  if (patternsUsed.has(pattern)) return false;
  patternsUsed.add(pattern);
  return true;
}
