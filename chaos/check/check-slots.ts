import type { LedgerDag } from "../ledger/ledger-dag.ts";
import type { RunFacts } from "./facts.ts";

/** Each slot of a schedule has one run (G8), none is missed, and there is no other. */
export function checkSlots({
  dags,
  runs,
}: {
  readonly dags: readonly LedgerDag[];
  readonly runs: readonly RunFacts[];
}): readonly string[] {
  return dags.flatMap(({ id, schedule }) => {
    if (schedule === undefined) return [];
    const counts = new Map<number, number>();
    for (const { logicalAt } of runs.filter(({ dagId }) => dagId === id))
      counts.set(logicalAt, (counts.get(logicalAt) ?? 0) + 1);
    const problems: string[] = [];
    for (let slot = schedule.startAt; slot < schedule.endAt; slot += schedule.everyMs) {
      const count = counts.get(slot) ?? 0;
      if (count !== 1) problems.push(`slot ${new Date(slot).toISOString()} of ${id} has ${count} runs (G8)`);
      counts.delete(slot);
    }
    for (const at of counts.keys())
      problems.push(`${id} has a run of ${new Date(at).toISOString()}, which is no slot (G8)`);
    return problems;
  });
}
