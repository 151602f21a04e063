import type { LedgerDag } from "../ledger/ledger-dag.ts";
import { randomDag } from "../ledger/random-dag.ts";
import type { Scenario } from "../stage/scenario.ts";
import { workerLeaseMs } from "../stage/setups.ts";

const tasksPerRun = { short: 12, long: 20 };
const failingShare = 0.05;
/** The longest that a task takes; most of a run's time is waiting, as it is where people use it. */
const taskSeconds = 1;

/** How many runs there are: in all of the short form, and in a minute of the long one. */
interface LoadSize {
  readonly shortRuns: number;
  readonly longRunsPerMinute: number;
}

/** More would measure the machine. */
const usualSize: LoadSize = { shortRuns: 8, longRunsPerMinute: 40 };

/** Four random DAGs with failing tasks, in turn. */
export function ordinaryLoad(prefix: string, size: Partial<LoadSize> = {}): Scenario["load"] {
  const { shortRuns, longRunsPerMinute } = { ...usualSize, ...size };
  return (random, form, minutes) => ({
    dags: Array.from({ length: 4 }, (_, place) =>
      randomDag(random, {
        id: `${prefix}_${place}`,
        tasks: tasksPerRun[form],
        failing: failingShare,
        seconds: taskSeconds,
      }),
    ),
    runs: form === "short" ? shortRuns : Math.round(longRunsPerMinute * minutes),
  });
}

/** The same, and one whose attempts outlive a lease: a worker that was given up would still be running them. */
export function longLivedLoad(prefix: string): Scenario["load"] {
  return (random, form, minutes) => {
    const { dags, runs } = ordinaryLoad(prefix)(random, form, minutes);
    return { dags: [slowDag(`${prefix}_slow`), ...dags.slice(1)], runs };
  };
}

function slowDag(id: string): LedgerDag {
  const task = { parents: [], rule: "all_success", ending: "succeeds" } as const;
  const slow = Array.from({ length: 5 }, (_, place) => ({
    ...task,
    id: `s${place}`,
    seconds: ((2 + place / 4) * workerLeaseMs) / 1000,
  }));
  return { id, tasks: [...slow, { ...task, id: "last", parents: slow.map((one) => one.id), seconds: 0.1 }] };
}
