import { benchDefinitions } from "./definitions.ts";
import { benchEngine } from "./engine.ts";
import { benchDispatch } from "./dispatch.ts";
import { benchIdle } from "./idle.ts";
import { benchScale } from "./scale.ts";
import { benchSchedule } from "./schedule.ts";
import { benchSimulate } from "./simulate.ts";
import { benchSpine } from "./spine.ts";

const benches: ReadonlyMap<
  string,
  { readonly about: string; readonly run: (args: readonly string[]) => Promise<void> }
> = new Map([
  ["spine", { about: "one task, chains, fan-out and layers in three settings [SHAPE …]", run: benchSpine }],
  ["engine", { about: "the in-process engine beside its peers [SHAPE …] [TASKS …] [sync|async]", run: benchEngine }],
  ["idle", { about: "memory and processor time with nothing to do", run: benchIdle }],
  [
    "definitions",
    { about: "checking 10,000 tasks; from a saved file to a definition in force", run: benchDefinitions },
  ],
  [
    "schedule",
    { about: "fire times, lag of 1,000 DAGs due at once, fairness beside missed slots", run: benchSchedule },
  ],
  ["dispatch", { about: "a pick among 200 DAGs, with little and with 100,000 waiting", run: benchDispatch }],
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
