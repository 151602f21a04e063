import type { ClusterProcess } from "#testing/cluster/cluster-process.ts";
import type { LedgerTask } from "../ledger/ledger-dag.ts";
import { queryRow } from "../stage/query-row.ts";
import { schedulerLeaseMs } from "../stage/setups.ts";
import type { Scenario, Stage } from "../stage/scenario.ts";

const task: LedgerTask = { id: "only", parents: [], rule: "all_success", ending: "succeeds", seconds: null };
const everyMs = 1000;
/** Two leases, and a look at the schedules behind them. */
const maxTakeoverMs = 2 * schedulerLeaseMs + 1000;

type LeaderFault = (stage: Stage, leader: ClusterProcess) => Promise<void>;

const faults: Readonly<Record<string, LeaderFault>> = {
  "leader killed": async ({ cluster, pause }, leader) => {
    await cluster.murder(leader);
    await pause(3 * schedulerLeaseMs);
    await leader.start();
  },
  "leader paused": async ({ pause }, leader) => {
    leader.signal("SIGSTOP");
    await pause(3 * schedulerLeaseMs);
    leader.signal("SIGCONT");
  },
  "leader cut off": async ({ cluster, pause }, leader) => {
    for (const link of cluster.links.databaseLinksOf(leader.name)) link.cut();
    await pause(schedulerLeaseMs);
  },
  "leader half cut off": async ({ cluster, pause }, leader) => {
    const links = cluster.links.databaseLinksOf(leader.name);
    for (const link of links) link.setLink("toClient", { isSilent: true });
    await pause(3 * schedulerLeaseMs);
    for (const link of links) await link.heal();
  },
};

const poolerFaults: Readonly<Record<string, LeaderFault>> = {
  "pooler's sessions terminated": async ({ cluster, pause }) => {
    await queryRow(cluster.databaseUrl, terminateText);
    await pause(schedulerLeaseMs);
  },
  "pooler killed": async ({ cluster, pause }) => {
    await cluster.pooler?.pgbouncer.kill();
    await pause(500);
    await cluster.pooler?.pgbouncer.start();
    await pause(schedulerLeaseMs);
  },
  ...faults,
};

const terminateText = `SELECT count(pg_terminate_backend(pid))::int AS count FROM pg_stat_activity
  WHERE application_name LIKE 'millrace%' AND pid <> pg_backend_pid()`;

export const changeLeaders: Scenario = {
  setup: "services",
  id: "A13",
  title: "the leading scheduler is killed, paused, cut off, half cut off",
  ...changesOfLeader("a13", faults, 22_000),
};

export const changePooledLeaders: Scenario = {
  setup: "pooler",
  id: "P1",
  title: "the same behind a pooler, which is killed and loses its sessions too",
  ...changesOfLeader("p1", poolerFaults, 26_000),
};

type LeaderScenario = Pick<Scenario, "shortMs" | "load" | "fault" | "check">;

/** Each fault in turn meets whoever leads then. */
function changesOfLeader(
  prefix: string,
  leaderFaults: Readonly<Record<string, LeaderFault>>,
  shortMs: number,
): LeaderScenario {
  return {
    shortMs,
    load: (_, form, minutes) => {
      const startAt = Math.ceil(Date.now() / everyMs) * everyMs + 2000;
      const faultsMs = form === "short" ? shortMs : minutes * 60_000;
      const endAt = startAt + Math.floor((faultsMs - 4000) / everyMs) * everyMs;
      return { dags: [{ id: `${prefix}_${startAt}`, tasks: [task], schedule: { startAt, endAt, everyMs } }], runs: 0 };
    },
    async fault(stage) {
      while (!stage.over.aborted) {
        for (const [name, fault] of Object.entries(leaderFaults)) {
          if (stage.over.aborted) return;
          await fault(stage, await findLeader(stage));
          stage.count(name);
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
}

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
