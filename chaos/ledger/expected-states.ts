import type { LedgerDag } from "./ledger-dag.ts";

type LedgerTaskState = "success" | "failed" | "upstream_failed";

/** The state in which each task must end, by the trigger rules as the specification has them. */
export function expectedStates({ tasks }: LedgerDag): ReadonlyMap<string, LedgerTaskState> {
  const states = new Map<string, LedgerTaskState>();
  for (const { id, parents, rule, ending } of tasks) {
    const runs = rule === "all_done" || parents.every((parent) => states.get(parent) === "success");
    states.set(id, !runs ? "upstream_failed" : ending === "fails" ? "failed" : "success");
  }
  return states;
}
