import { ledgerInfraRetries, ledgerRetries } from "../ledger/ledger-dag.ts";
import type { AttemptFacts, RunFacts } from "./facts.ts";

/** How a lost worker or a drain ends an attempt; it uses none of the task's own retries. */
const interrupted: ReadonlySet<string> = new Set(["lost", "stopped", "superseded", "deferred"]);

/** Attempts are numbered without gap, settled once, released, and follow each other (I2, I3, I4). */
export function checkAttempts(runs: readonly RunFacts[]): readonly string[] {
  return runs.flatMap((run) => {
    const tasks = new Set(run.attempts.map(({ taskId }) => taskId));
    return [...tasks].flatMap((task) => {
      const own = run.attempts
        .filter(({ taskId }) => taskId === task)
        .sort((a, b) => a.generation - b.generation || a.tryNumber - b.tryNumber);
      return checkTask(own).map((problem) => `run ${run.runId}: ${task} ${problem}`);
    });
  });
}

function checkTask(attempts: readonly AttemptFacts[]): readonly string[] {
  const problems: string[] = [];
  attempts.forEach((attempt, place) => {
    const { tryNumber, state } = attempt;
    if (tryNumber !== place + 1) problems.push(`has try ${tryNumber} in place of ${place + 1} (I3)`);
    if (attempt.endedAt === null || state === "running")
      problems.push(`never settled try ${tryNumber}, it is ${state} (I2)`);
    if (attempt.releasedAt === null) problems.push(`never released try ${tryNumber} (I2)`);
    const next = attempts[place + 1];
    if (next === undefined) return;
    if (state === "success") problems.push(`began try ${next.tryNumber} after its success (I2)`);
    if (next.fence <= attempt.fence) problems.push(`has fence ${next.fence} after fence ${attempt.fence} (I4)`);
    if (attempt.releasedAt !== null && next.startedAt < attempt.releasedAt)
      problems.push(`began try ${next.tryNumber} before try ${tryNumber} was released (I4)`);
  });
  const used = attempts.filter(({ state, errorCode }) => !interrupted.has(state) && errorCode !== "interrupted").length;
  if (used > 1 + ledgerRetries)
    problems.push(`used ${used} attempts of its own, ${1 + ledgerRetries} are allowed (I3)`);
  if (attempts.length > 1 + ledgerRetries + ledgerInfraRetries)
    problems.push(`was started ${attempts.length} times (I3)`);
  return problems;
}
