import { benchBash } from "./bash.ts";
import { benchChaos } from "./chaos.ts";
import { benchCluster } from "./cluster.ts";
import { benchDefinitions } from "./definitions.ts";
import { benchEngine } from "./engine.ts";
import { benchDispatch } from "./dispatch.ts";
import { benchIdle } from "./idle.ts";
import { benchRecovery } from "./recovery.ts";
import { benchRunner } from "./runner.ts";
import { benchScale } from "./scale.ts";
import { benchSchedule } from "./schedule.ts";
import { benchSimulate } from "./simulate.ts";
import { benchSpine } from "./spine.ts";

const benches: ReadonlyMap<
  string,
  { readonly about: string; readonly run: (args: readonly string[]) => Promise<void> }
> = new Map([
  ["spine", { about: "one task, chains, fan-out and layers in three settings [SHAPE …]", run: benchSpine }],
  [
    "cluster",
    {
      about: "processes with Kafka beside Restate and graphile-worker, load, backlog, failover [quick] [--only PART,…]",
      run: benchCluster,
    },
  ],
  ["engine", { about: "the in-process engine beside its peers [SHAPE …] [TASKS …] [sync|async]", run: benchEngine }],
  ["idle", { about: "memory and processor time with nothing to do", run: benchIdle }],
  [
    "definitions",
    {
      about: "checking 10,000 tasks, a saved file [fuzz [COUNT [SEED]] | discovery [FILES] | peers]",
      run: benchDefinitions,
    },
  ],
  [
    "schedule",
    { about: "fire times, lag of 1,000 DAGs due at once, fairness beside missed slots", run: benchSchedule },
  ],
  ["dispatch", { about: "a pick among 200 DAGs, with little and with 100,000 waiting", run: benchDispatch }],
  ["chaos", { about: "real processes under faults [--only ID,…] [--minutes N] [--seed N] [--short]", run: benchChaos }],
  [
    "recovery",
    {
      about: "all processes and the database killed with 1,000 and 10,000 runs under way [RUNS …]",
      run: benchRecovery,
    },
  ],
  [
    "runner",
    { about: "starts of processes by the worker's size, the kill of 1,000, 200 shells beside ninja", run: benchRunner },
  ],
  [
    "bash",
    {
      about: "short shells: run beside ninja, five processes beside the runner [quick] [SHAPE …] [five]",
      run: benchBash,
    },
  ],
  ["scale", { about: "1,000 workers and 100,000 queued tasks in simulation [quick]", run: benchScale }],
  [
    "simulate",
    { about: "the cluster under every fault, by seeds [--seeds N | --seed N | --seconds S]", run: benchSimulate },
  ],
]);

const [name, ...args] = process.argv.slice(2);
const bench = name === undefined ? undefined : benches.get(name);
if (bench === undefined) {
  const list = [...benches].map(([key, { about }]) => `  ${key.padEnd(12)} ${about}`).join("\n");
  console.error(`usage: npm run bench -- NAME [ARG …]\n${list}`);
  process.exitCode = 2;
} else {
  await bench.run(args);
}
