import { z } from "zod";
import type { BreakerPolicy } from "#breakers/breaker-options.ts";
import { defaultPolicies } from "#breakers/default-policies.ts";
import { formatDuration } from "#schedule/duration.ts";
import { setting } from "./setting-kinds.ts";

const wholePercent = 100;
const maxCalls = 10_000;

/** The settings of one kind of breaker; `what` is what it guards, in the plural where there are several. */
function policySettings(what: string, policy: BreakerPolicy) {
  const percent = (ratio: number): number => Math.round(ratio * wholePercent);
  const duration = (description: string, ms: number) =>
    setting.duration({ description: `${what}: ${description}`, fallback: formatDuration(ms) });
  const count = (description: string, fallback: number, max: number) =>
    setting.integer({ description: `${what}: ${description}`, fallback, min: 1, max });
  const { opens, halfOpen, slowCallMs } = policy;
  return {
    failurePercent: count(
      "a breaker opens when this share of the last calls failed.",
      percent(opens.failureRatio),
      wholePercent,
    ),
    calls: count("how many last calls that are.", opens.calls, maxCalls),
    openMs: duration("how long a breaker stays open; each time in a row twice as long.", policy.openMs),
    longestOpenMs: duration("the longest that a breaker stays open.", policy.longestOpenMs),
    halfOpenFailurePercent: count(
      "a half-open breaker closes when fewer of its tries failed.",
      percent(halfOpen.failureRatio),
      wholePercent,
    ),
    halfOpenCalls: count("how many tries a half-open breaker makes.", halfOpen.calls, maxCalls),
    halfOpenWindowMs: duration("when it decides by the tries that were answered so far.", halfOpen.windowMs),
    slowCallMs: duration("a call that takes longer has failed.", slowCallMs.closed),
    slowTryMs: duration("a try of a half-open breaker that takes longer has failed.", slowCallMs.halfOpen),
  };
}

/** When calls of a dependency in trouble are held back. */
export const breakers = z.object({
  database: z.object(policySettings("Database", defaultPolicies.database)),
  kafka: z.object(policySettings("Publishing to Kafka", defaultPolicies.kafka)),
  host: z.object(policySettings("Each host that tasks ask", defaultPolicies.host)),
});

/** The settings of one kind as the breakers take them. */
export function toBreakerPolicy(settings: z.output<typeof breakers>["database"]): BreakerPolicy {
  const { failurePercent, calls, openMs, longestOpenMs, halfOpenFailurePercent, halfOpenCalls } = settings;
  return {
    opens: { failureRatio: failurePercent / wholePercent, calls },
    openMs,
    longestOpenMs,
    halfOpen: {
      failureRatio: halfOpenFailurePercent / wholePercent,
      calls: halfOpenCalls,
      windowMs: settings.halfOpenWindowMs,
    },
    slowCallMs: { closed: settings.slowCallMs, halfOpen: settings.slowTryMs },
  };
}
