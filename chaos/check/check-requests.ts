import type { RunFacts, ShownRun, SystemFacts } from "./facts.ts";

/** What a client was told is there, once, and what it is shown is what the database has (I5). */
export function checkRequests(
  facts: Pick<SystemFacts, "dags" | "runs" | "shown" | "acknowledged" | "unanswered">,
): readonly string[] {
  const { dags, runs, shown, acknowledged, unanswered } = facts;
  const problems: string[] = [];
  const known = new Set(runs.map(({ runId }) => runId));
  for (const [request, runId] of acknowledged)
    if (!known.has(runId)) problems.push(`request ${request} was answered run ${runId}, which is not there (I5)`);
  const told = new Set(acknowledged.values());
  if (told.size !== acknowledged.size)
    problems.push(`${acknowledged.size} requests were answered ${told.size} runs (I5)`);
  const scheduled = new Set(dags.filter(({ schedule }) => schedule !== undefined).map(({ id }) => id));
  const untold = runs.filter(({ runId, dagId }) => !told.has(runId) && !scheduled.has(dagId)).length;
  if (untold > unanswered) problems.push(`${untold} runs were made for ${unanswered} unanswered requests (I5)`);
  for (const run of runs) {
    const seen = shown.find(({ runId }) => runId === run.runId);
    const found = seen === undefined ? ["is not shown by the gateway (I5)"] : compare(run, seen);
    problems.push(...found.map((problem) => `run ${run.runId} ${problem}`));
  }
  return problems;
}

function compare(run: RunFacts, shown: ShownRun): readonly string[] {
  const problems: string[] = [];
  if (shown.state !== run.state || shown.hasEnded !== run.hasEnded)
    problems.push(`is shown ${shown.state}, it is ${run.state} (I5)`);
  for (const { taskId, state } of run.instances) {
    const seen = shown.states.get(taskId);
    if (seen !== state) problems.push(`has ${taskId} shown ${seen ?? "nowhere"}, it is ${state} (I5)`);
  }
  return problems;
}
