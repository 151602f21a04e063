import { setTimeout as delay } from "node:timers/promises";
import type { LedgerDag, LedgerTask } from "../ledger/ledger-dag.ts";
import { randomDag } from "../ledger/random-dag.ts";
import { queryRow } from "../stage/query-row.ts";
import type { RunFacts } from "../check/facts.ts";
import type { AfterFaults, Scenario } from "../stage/scenario.ts";

const quietTask: LedgerTask = { id: "root", parents: [], rule: "all_success", ending: "succeeds", seconds: null };

/** One task, so many behind it, and one that waits for all of them. */
function fanDag(id: string, width: number): LedgerDag {
  const middle = Array.from({ length: width }, (_, place) => ({ ...quietTask, id: `m${place}`, parents: ["root"] }));
  return { id, tasks: [quietTask, ...middle, { ...quietTask, id: "last", parents: middle.map((task) => task.id) }] };
}

/** Nothing breaks: all workers end siblings at once, and every end is a write to the same run. */
export const fanIn: Scenario = {
  setup: "executors",
  id: "A16",
  title: "a fan-in of many tasks that end at once",
  shortMs: 1000,
  load: (_, form) => ({ dags: [fanDag("a16", form === "short" ? 300 : 1000)], runs: form === "short" ? 1 : 5 }),
  fault: async () => undefined,
  check: async (after) => [...findDeadlocks(after), ...(await findLoneExecutor(after))],
};

export const failingGraph: Scenario = {
  setup: "executors",
  id: "D1",
  title: "random failing graphs on four executors",
  shortMs: 6000,
  load: (random, form, minutes) => ({
    dags: Array.from({ length: 4 }, (_, place) =>
      randomDag(random, { id: `d1_${place}`, tasks: 20, failing: 0.25, seconds: 0.1 }),
    ),
    runs: form === "short" ? 16 : Math.round(100 * minutes),
  }),
  fault: (stage) => stage.pause(Number.MAX_SAFE_INTEGER),
  check: async (after) => [...findDeadlocks(after), ...(await findLoneExecutor(after))],
};

function findDeadlocks({ facts, before, log }: AfterFaults): readonly string[] {
  const problems: string[] = [];
  const count = facts.deadlocks - before.deadlocks;
  if (count > 0) problems.push(`the server broke ${count} deadlocks`);
  if (log.includes("deadlock detected")) problems.push("a service logged a deadlock");
  return problems;
}

const busyExecutorsText = `SELECT count(DISTINCT executor_id)::int AS count FROM workers
  WHERE status NOT IN ('lost', 'stopped')`;

/** Several executors write to the same rows only if each has workers. */
async function findLoneExecutor({ cluster }: AfterFaults): Promise<readonly string[]> {
  const { count } = await queryRow<{ count: number }>(cluster.databaseUrl, busyExecutorsText);
  return count > 1 ? [] : ["all workers were with one executor, so nobody else wrote to the runs"];
}

/** Longer than the start of nine processes at once takes on two idle cores: everything is back when the time comes. */
const retryDelayMs = 15_000;
/** How much later than its delay a retry may begin, or than there is somebody to begin it. */
const maxLatenessMs = 1000;

export const restartBetweenAttempts: Scenario = createRestartBetweenAttempts();

function createRestartBetweenAttempts(): Scenario {
  let backAt = 0;
  return {
    setup: "services",
    id: "A17",
    title: "everything dies while retries wait for their time",
    shortMs: 60_000,
    load: () => {
      const task = { ...quietTask, ending: "fails_first", seconds: 0.1 } as const;
      return { dags: [{ id: "a17", retryDelayMs, tasks: ["x", "y", "z"].map((id) => ({ ...task, id })) }], runs: 1 };
    },
    async fault({ cluster, over, count }) {
      const text = `SELECT count(*)::int AS count FROM task_instances JOIN dag_runs USING (run_key)
        WHERE dag_id = 'a17' AND task_instances.state = 'up_for_retry'`;
      while ((await queryRow<{ count: number }>(cluster.databaseUrl, text)).count < 3 && !over.aborted) await delay(50);
      await Promise.all(cluster.processes.map((process) => cluster.murder(process)));
      await Promise.all(cluster.processes.map((process) => process.start()));
      backAt = Date.now();
      count("killed everything");
    },
    check: ({ facts }) => facts.runs.flatMap((run) => findLateRetries(run, backAt)),
  };
}

function findLateRetries({ attempts }: RunFacts, backAt: number): readonly string[] {
  return attempts.flatMap((attempt, place) => {
    const before = attempts[place - 1];
    if (before?.taskId !== attempt.taskId) return [];
    const dueAt = (before.endedAt ?? 0) + retryDelayMs;
    const earlyMs = Math.round(dueAt - attempt.startedAt);
    const lateMs = Math.round(attempt.startedAt - Math.max(dueAt, backAt));
    if (earlyMs > 0) return [`${attempt.taskId} was retried ${earlyMs} ms before its time (G9)`];
    return lateMs > maxLatenessMs ? [`${attempt.taskId} was retried ${lateMs} ms after its time (G9)`] : [];
  });
}

/** More connections than the server takes, and all of them at once again. */
export const restartCrowd: Scenario = {
  setup: "executors",
  id: "A23",
  title: "services want more connections than there are, and all restart at once",
  shortMs: 8000,
  load: (random, form, minutes) => ({
    dags: Array.from({ length: 4 }, (_, place) =>
      randomDag(random, { id: `a23_${place}`, tasks: 12, failing: 0.05, seconds: 0.3 }),
    ),
    runs: form === "short" ? 24 : Math.round(120 * minutes),
  }),
  async fault(stage) {
    const { cluster, count } = stage;
    while (!stage.over.aborted) {
      await stage.pause(3000);
      await Promise.all(cluster.processes.map((process) => cluster.murder(process)));
      await Promise.all(cluster.processes.map((process) => process.start()));
      count("restarted everything");
    }
  },
};
