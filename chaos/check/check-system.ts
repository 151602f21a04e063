import { checkAttempts } from "./check-attempts.ts";
import { checkEffects } from "./check-effects.ts";
import { checkEvents } from "./check-events.ts";
import { checkRequests } from "./check-requests.ts";
import { checkRuns } from "./check-runs.ts";
import { checkSlots } from "./check-slots.ts";
import type { SystemFacts } from "./facts.ts";

/**
 * What the ledger, the database and the gateway say against the promises, as sentences that name the invariant; none when
 * all hold. It shares no code with what it judges.
 */
export function checkSystem(facts: SystemFacts): readonly string[] {
  return [
    ...checkRuns(facts),
    ...checkAttempts(facts.runs),
    ...checkEffects(facts),
    ...checkEvents(facts),
    ...checkRequests(facts),
    ...checkSlots(facts),
  ];
}
