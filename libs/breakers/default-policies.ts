import type { BreakerPolicy } from "./breaker-options.ts";

const secondMs = 1000;

/** The longest that any breaker stays open, however often in a row. */
const longestOpenMs = 600 * secondMs;

/** Of each dependency, where the settings say nothing else. */
export const defaultPolicies = {
  database: {
    opens: { failureRatio: 0.5, calls: 10 },
    openMs: 30 * secondMs,
    longestOpenMs,
    halfOpen: { failureRatio: 0.2, calls: 5, windowMs: 10 * secondMs },
    slowCallMs: { closed: 5 * secondMs, halfOpen: 2 * secondMs },
  },
  kafka: {
    opens: { failureRatio: 0.3, calls: 20 },
    openMs: 60 * secondMs,
    longestOpenMs,
    halfOpen: { failureRatio: 0.1, calls: 10, windowMs: 15 * secondMs },
    slowCallMs: { closed: 15 * secondMs, halfOpen: 5 * secondMs },
  },
  host: {
    opens: { failureRatio: 0.4, calls: 15 },
    openMs: 30 * secondMs,
    longestOpenMs,
    halfOpen: { failureRatio: 0.15, calls: 8, windowMs: 60 * secondMs },
    slowCallMs: { closed: 3600 * secondMs, halfOpen: 3600 * secondMs },
  },
} as const satisfies Readonly<Record<string, BreakerPolicy>>;
