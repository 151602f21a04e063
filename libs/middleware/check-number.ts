/** `setTimeout` fires at once beyond it: 24.8 days. */
export const maxTimerMs = 2_147_483_647;

/** Says what is wrong with a duration, or null. Infinity means that there is no limit. */
export function describeTimeoutProblem(name: string, value: unknown): string | null {
  if (value === Number.POSITIVE_INFINITY) return null;
  if (isWithin(value, 0, maxTimerMs) && value > 0) return null;
  return `${name} is ${format(value)}; give milliseconds above 0 and up to ${maxTimerMs}, or leave it out`;
}

/** Says what is wrong with a limit of things at once, or null. */
export function describeLimitProblem(name: string, value: unknown): string | null {
  if (value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && Number(value) > 0)) return null;
  return `${name} is ${format(value)}; give a whole number from 1, or Infinity`;
}

/** Says what is wrong with a count that may be 0, or null. */
export function describeCountProblem(name: string, value: unknown): string | null {
  return Number.isSafeInteger(value) && Number(value) >= 0
    ? null
    : `${name} is ${format(value)}; give a whole number from 0`;
}

/** Says what is wrong with a number in a range, or null. */
export function describeRangeProblem(name: string, value: unknown, from: number, to: number): string | null {
  return isWithin(value, from, to) ? null : `${name} is ${format(value)}; give a number from ${from} to ${to}`;
}

function isWithin(value: unknown, from: number, to: number): value is number {
  return typeof value === "number" && value >= from && value <= to;
}

function format(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
