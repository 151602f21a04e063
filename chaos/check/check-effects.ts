import type { LedgerDag, LedgerTask } from "../ledger/ledger-dag.ts";
import type { LedgerLine } from "../ledger/read-ledger.ts";
import type { RunFacts, SystemFacts } from "./facts.ts";

/** What really ran, against what the database says of it (I3, I4, I5, I6). */
export function checkEffects(
  facts: Pick<SystemFacts, "dags" | "ledger" | "runs" | "hasFrozenHosts">,
): readonly string[] {
  const { dags, ledger, runs, hasFrozenHosts } = facts;
  const linesOf = Map.groupBy(ledger, ({ runId }) => runId);
  const problems = [...linesOf.keys()]
    .filter((runId) => !runs.some((run) => run.runId === runId))
    .map((runId) => `the ledger has run ${runId}, the database has not (I5)`);
  for (const run of runs) {
    const lines = linesOf.get(run.runId) ?? [];
    const dag = dags.find(({ id }) => id === run.dagId);
    if (dag === undefined) continue;
    for (const task of dag.tasks) {
      const found = [
        ...checkStarts(run, task, lines),
        ...(hasFrozenHosts ? [] : checkOverlap(task, lines)),
        ...checkParents(run, dag, task, lines),
      ];
      problems.push(...found.map((problem) => `run ${run.runId}: ${task.id} ${problem}`));
    }
  }
  return problems;
}

/** Each effect has an attempt behind it, once; each success has an effect. */
function checkStarts(run: RunFacts, { id, seconds }: LedgerTask, lines: readonly LedgerLine[]): readonly string[] {
  const problems: string[] = [];
  const count = (generation: number, tryNumber: number, what: "start" | "end"): number =>
    lines.filter(
      (line) =>
        line.taskId === id && line.generation === generation && line.tryNumber === tryNumber && line.what === what,
    ).length;
  const attempts = run.attempts.filter(({ taskId }) => taskId === id);
  for (const { generation, tryNumber, state } of attempts) {
    const [starts, ends] = [count(generation, tryNumber, "start"), count(generation, tryNumber, "end")];
    if (starts > 1) problems.push(`started try ${tryNumber} ${starts} times (I3)`);
    if (ends > starts) problems.push(`ended try ${tryNumber} ${ends} times, it started ${starts} times (I3)`);
    if (state === "success" && ends === 0 && seconds !== null)
      problems.push(`is a success by try ${tryNumber}, which never ended (I5)`);
  }
  const started = lines.filter(({ taskId, what }) => taskId === id && what === "start");
  for (const { generation, tryNumber } of started) {
    if (!attempts.some((attempt) => attempt.generation === generation && attempt.tryNumber === tryNumber))
      problems.push(`ran as try ${tryNumber}, of which the database knows nothing (I3)`);
  }
  return problems;
}

/** A line of an attempt after the start of a later one: the old process was still alive. */
function checkOverlap({ id }: LedgerTask, lines: readonly LedgerLine[]): readonly string[] {
  const problems: string[] = [];
  let newest: LedgerLine | null = null;
  for (const line of lines.filter(({ taskId }) => taskId === id)) {
    if (newest !== null && isBefore(line, newest))
      problems.push(`had its try ${line.tryNumber} ${line.what} while try ${newest.tryNumber} was alive (I4)`);
    else newest = line;
  }
  return problems;
}

function isBefore(one: LedgerLine, other: LedgerLine): boolean {
  return one.generation < other.generation || (one.generation === other.generation && one.tryNumber < other.tryNumber);
}

/** Whoever runs comes after the end of that attempt of each parent which settled it. */
function checkParents(
  run: RunFacts,
  { tasks }: LedgerDag,
  { id, parents }: LedgerTask,
  lines: readonly LedgerLine[],
): readonly string[] {
  const first = lines.findIndex(({ taskId, what }) => taskId === id && what === "start");
  if (first < 0) return [];
  return parents.flatMap((parent) => {
    const settling = run.attempts.findLast(({ taskId }) => taskId === parent);
    const hasEnded = lines
      .slice(0, first)
      .some((line) => line.taskId === parent && line.what === "end" && line.tryNumber === settling?.tryNumber);
    const isQuiet = tasks.find((task) => task.id === parent)?.seconds === null;
    return settling === undefined || isQuiet || hasEnded ? [] : [`began before its parent ${parent} had ended (I6)`];
  });
}
