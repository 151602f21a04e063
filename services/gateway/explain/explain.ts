import type { LimitStore } from "#ports/limit-store.ts";
import type { Queries } from "#ports/queries.ts";
import { findFullLimits } from "./explain-limits.ts";
import type { WaitFacts } from "./explain-wait.ts";

/** Looks up why a run waits, or one instance of it; null: there is no such run. */
export type Explain = (runId: string, options: Parameters<Queries["explain"]>[1]) => Promise<WaitFacts | null>;

export function createExplain({ queries, limits }: { queries: Queries; limits: LimitStore }): Explain {
  return async (runId, options) => {
    const facts = await queries.explain(runId, options);
    return facts === null ? null : { ...facts, fullLimits: await findFullLimits(limits, facts) };
  };
}
