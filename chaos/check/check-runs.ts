import { expectedStates } from "../ledger/expected-states.ts";
import type { LedgerDag } from "../ledger/ledger-dag.ts";
import type { InstanceFacts, RunFacts, SystemFacts } from "./facts.ts";

/** Every run has ended, as its definition says, and its rows agree with each other (I1, I2, I6). */
export function checkRuns({
  dags,
  runs,
  takenSlots,
}: Pick<SystemFacts, "dags" | "runs" | "takenSlots">): readonly string[] {
  const problems = runs.flatMap((run) => {
    const dag = dags.find(({ id }) => id === run.dagId);
    const found = dag === undefined ? [`is of ${run.dagId}, which nobody defined`] : checkRun(run, dag);
    return found.map((problem) => `run ${run.runId} ${problem}`);
  });
  return takenSlots === 0 ? problems : [...problems, `${takenSlots} slots are taken though every run is over (I2)`];
}

function checkRun(run: RunFacts, dag: LedgerDag): readonly string[] {
  const problems: string[] = [];
  const expected = expectedStates(dag);
  const endState = [...expected.values()].every((state) => state === "success") ? "success" : "failed";
  if (!run.hasEnded) problems.push(`has not ended, it is ${run.state} (I1)`);
  if (run.hasEnded && run.state !== endState) problems.push(`ended ${run.state} instead of ${endState} (I6)`);
  if (run.heldCount !== 0) problems.push(`counts ${run.heldCount} held attempts (I2)`);
  problems.push(...checkCounts(run));
  for (const { id } of dag.tasks) {
    const instance = run.instances.find(({ taskId }) => taskId === id);
    if (instance === undefined) problems.push(`has no instance of ${id} (I5)`);
    else problems.push(...checkInstance(instance, expected.get(id) ?? "", dag, run));
  }
  return problems;
}

function checkCounts({ counts, instances }: RunFacts): readonly string[] {
  const recount = new Map<string, number>();
  for (const { state } of instances) recount.set(state, (recount.get(state) ?? 0) + 1);
  const states = new Set([...recount.keys(), ...Object.keys(counts)]);
  return [...states].flatMap((state) => {
    const [counted, real] = [counts[state] ?? 0, recount.get(state) ?? 0];
    return counted === real ? [] : [`counts ${counted} ${state}, there are ${real} (I2)`];
  });
}

/** The columns are named in facts.ts as in the database. */
function checkInstance(row: InstanceFacts, expected: string, dag: LedgerDag, run: RunFacts): readonly string[] {
  const problems: string[] = [];
  if (row.state !== expected) problems.push(`has ${row.taskId} ${row.state} instead of ${expected} (I1, I6)`);
  if (row.isHeld) problems.push(`still holds an attempt of ${row.taskId} (I2)`);
  const parents = dag.tasks.find(({ id }) => id === row.taskId)?.parents ?? [];
  const states = parents.map((parent) => run.instances.find(({ taskId }) => taskId === parent)?.state ?? "missing");
  const count = (...wanted: readonly string[]): number => states.filter((state) => wanted.includes(state)).length;
  const waiting = states.length - count("success", "failed", "upstream_failed", "skipped");
  const pairs: readonly (readonly [string, number, number])[] = [
    ["parents to wait for", row.inDegree, waiting],
    ["parents in success", row.parentsSuccess, count("success")],
    ["failed parents", row.parentsFailed, count("failed")],
    ["upstream_failed parents", row.parentsUpstreamFailed, count("upstream_failed")],
    ["skipped parents", row.parentsSkipped, count("skipped")],
  ];
  for (const [what, counted, real] of pairs)
    if (counted !== real) problems.push(`counts ${counted} ${what} of ${row.taskId}, there are ${real} (I6)`);
  return problems;
}
