import type { ClusterProcess } from "#testing/cluster/cluster-process.ts";
import type { LedgerTask } from "../ledger/ledger-dag.ts";
import { queryRow } from "../stage/query-row.ts";
import { schedulerLeaseMs } from "../stage/setups.ts";
import type { Scenario, Stage } from "../stage/scenario.ts";

const task: LedgerTask = { id: "only", parents: [], rule: "all_success", ending: "succeeds", seconds: null };
const everyMs = 1000;
const shortMs = 24_000;
/** Two leases, and a look at the schedules behind them. */
const maxTakeoverMs = 2 * schedulerLeaseMs + 1000;

type LeaderFault = (stage: Stage, leader: ClusterProcess) => Promise<void>;

const faults: Readonly<Record<string, LeaderFault>> = {
  killed: async ({ cluster, pause }, leader) => {
    await cluster.murder(leader);
    await pause(3 * schedulerLeaseMs);
    await leader.start();
  },
  paused: async ({ pause }, leader) => {
    leader.signal("SIGSTOP");
    await pause(3 * schedulerLeaseMs);
    leader.signal("SIGCONT");
  },
  "sessions terminated": async ({ cluster, pause }, leader) => {
    cluster.links.toDatabase.get(leader.name)?.cut();
    await pause(schedulerLeaseMs);
  },
  "half-open link": async ({ cluster, pause }, leader) => {
    const link = cluster.links.toDatabase.get(leader.name);
    link?.setLink("toClient", { isSilent: true });
    await pause(3 * schedulerLeaseMs);
    await link?.heal();
  },
};

export const changeLeaders: Scenario = {
  setup: "services",
  id: "A13",
  title: "the leading scheduler is killed, paused, cut off, half cut off",
  shortMs,
  load: (_, form, minutes) => {
    const startAt = Math.ceil(Date.now() / everyMs) * everyMs + 2000;
    const endAt =
      startAt + Math.floor((form === "short" ? shortMs - 4000 : minutes * 60_000 - 4000) / everyMs) * everyMs;
    return { dags: [{ id: `a13_${startAt}`, tasks: [task], schedule: { startAt, endAt, everyMs } }], runs: 0 };
  },
  async fault(stage) {
    while (!stage.over.aborted) {
      for (const [name, fault] of Object.entries(faults)) {
        if (stage.over.aborted) return;
        const leader = await findLeader(stage);
        await fault(stage, leader);
        stage.count(`leader ${name}`);
      }
    }
  },
  check: ({ facts }) =>
    facts.runs
      .filter(({ queuedAt, logicalAt }) => queuedAt - logicalAt > maxTakeoverMs)
      .map(
        ({ runId, queuedAt, logicalAt }) =>
          `${runId} was made ${Math.round(queuedAt - logicalAt)} ms after its slot (G10)`,
      ),
};

/** The scheduler that told in its log that it leads by the lease's present epoch. */
async function findLeader({ cluster }: Stage): Promise<ClusterProcess> {
  const { epoch } = await queryRow<{ epoch: number }>(
    cluster.databaseUrl,
    "SELECT epoch::int AS epoch FROM leases WHERE name = 'scheduler'",
  );
  const claim = new RegExp(`"epoch":${epoch}\\b[^\\n]*"leads"`);
  const [first, ...others] = cluster.of("scheduler");
  for (const scheduler of others) if (claim.test(await scheduler.readLog())) return scheduler;
  if (first === undefined) throw new Error("the cluster has no scheduler");
  return first;
}
