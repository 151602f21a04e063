import { setTimeout as delay } from "node:timers/promises";
import { type FailpointName, failpointNames } from "#failpoints/failpoint.ts";
import type { ServiceName } from "#testing/cluster/cluster-options.ts";
import type { ClusterProcess } from "#testing/cluster/cluster-process.ts";
import type { LedgerTask } from "../ledger/ledger-dag.ts";
import type { Scenario, Stage } from "../stage/scenario.ts";

/** A process that has not come to its failure by then never will. */
const hitDeadlineMs = 15_000;
const pollMs = 20;
/** When nothing was come to for so long, the run is over: longer than a retry, a claim and a scan take. */
const quietMs = 2000;
/** Another run is triggered so often while the failure is awaited. */
const nudgeMs = 1500;

const task: LedgerTask = { id: "first", parents: [], rule: "all_success", ending: "succeeds", seconds: 0.1 };

/** The first process of each service is the one that is killed; the others are down meanwhile, so that it does all the work. */
function serviceOf(name: FailpointName): ServiceName {
  if (name.startsWith("run_creation")) return "scheduler";
  return name.startsWith("offset_commit") ? "worker" : "executor";
}

/** Of each failpoint the first occurrence. */
const onlyFirst: ReadonlyMap<string, number> = new Map();

export const sweepFailpoints: Scenario = {
  setup: "kafka",
  id: "A12",
  title: "kill -9 at each failpoint, at each of its occurrences",
  shortMs: 120_000,
  load: () => ({
    dags: [{ id: "a12", tasks: [task, { ...task, id: "second", parents: ["first"], ending: "fails_first" }] }],
    runs: 0,
  }),
  async fault(stage) {
    const { cluster } = stage;
    await Promise.all(cluster.processes.filter(({ index }) => index > 1).map((process) => cluster.murder(process)));
    const occurrences = stage.form === "short" ? onlyFirst : await countOccurrences(stage);
    for (const service of ["scheduler", "executor", "worker"] as const) {
      const [owner] = cluster.of(service);
      if (owner === undefined) continue;
      for (const name of failpointNames.filter((each) => serviceOf(each) === service))
        await killAt(stage, owner, name, occurrences.get(name) ?? 1);
      await cluster.restartWith(owner, []);
    }
  },
  check: ({ faults }) =>
    failpointNames.filter((name) => faults[`killed at ${name}`] === undefined).map((name) => `nothing came to ${name}`),
};

/** Each start that follows a kill has the next one planned, so that a recovery is hit too. */
async function killAt(stage: Stage, owner: ClusterProcess, name: FailpointName, occurrences: number): Promise<void> {
  for (let hit = 1; hit <= occurrences && !stage.over.aborted; hit += 1) {
    await stage.cluster.restartWith(owner, [{ name, action: { kind: "kill" }, hit }]);
    stage.count((await isKilled(stage, owner)) ? `killed at ${name}` : `never came to hit ${hit} of ${name}`);
  }
}

/** What one run comes to, by failpoint. */
async function countOccurrences({ cluster, trigger }: Stage): Promise<ReadonlyMap<string, number>> {
  const owners = (["scheduler", "executor", "worker"] as const).flatMap((service) => cluster.of(service).slice(0, 1));
  const count = async (): Promise<ReadonlyMap<string, number>> => {
    const hits = (await Promise.all(owners.map((owner) => cluster.readHits(owner)))).flat();
    return new Map([...Map.groupBy(hits, (name) => name)].map(([name, list]) => [name, list.length]));
  };
  const total = (counts: ReadonlyMap<string, number>): number =>
    [...counts.values()].reduce((sum, one) => sum + one, 0);
  const before = await count();
  await trigger();
  let after = await count();
  for (let seen = -1; total(after) > seen; after = await count()) {
    seen = total(after);
    await delay(quietMs);
  }
  return new Map([...after].map(([name, hits]) => [name, hits - (before.get(name) ?? 0)]));
}

async function isKilled({ trigger }: Stage, owner: ClusterProcess): Promise<boolean> {
  const deadline = performance.now() + hitDeadlineMs;
  let nudgedAt = Number.NEGATIVE_INFINITY;
  while (owner.isRunning && performance.now() < deadline) {
    if (performance.now() > nudgedAt + nudgeMs) {
      nudgedAt = performance.now();
      // What is not answered before the kill is asked again, and counted with the scenario's requests.
      trigger().catch(() => undefined);
    }
    await delay(pollMs);
  }
  return !owner.isRunning;
}
