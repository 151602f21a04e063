import type { ClusterOptions } from "#testing/cluster/cluster-options.ts";
import type { ClusterProcess } from "#testing/cluster/cluster-process.ts";
import { type LocalCluster, startLocalCluster } from "#testing/cluster/local-cluster.ts";
import type { PlannedFailure } from "#testing/failpoints/failpoint-plan.ts";
import { type ChaosKafka, startChaosKafka } from "./chaos-kafka.ts";
import { type ChaosLinks, startChaosLinks } from "./chaos-links.ts";
import { type ChaosPooler, startChaosPooler } from "./chaos-pooler.ts";
import { armingArguments, createFailurePlans } from "./failure-plans.ts";
import type { Release } from "./next-release.ts";

/** A cluster of real processes that can be broken at every link and at every failpoint. */
export interface ChaosCluster extends LocalCluster {
  readonly links: ChaosLinks;
  /** Null: assignments go over the sessions alone. */
  readonly kafka: ChaosKafka | null;
  /** Null: statements go to the server itself. */
  readonly pooler: ChaosPooler | null;
  /** SIGKILL. Only a process that was ended so, by `end` or with a failure planned, may be found ended. */
  murder(process: ClusterProcess): Promise<void>;
  /** SIGTERM, as an upgrade or a scheduler of containers does. */
  end(process: ClusterProcess): Promise<void>;
  /** Starts it again, after an orderly end when it runs, with failures planned that may end it. */
  restartWith(process: ClusterProcess, plan: readonly PlannedFailure[]): Promise<void>;
  /** Ends it in an orderly way and starts it again as another release, or as this one for null. */
  restartAs(process: ClusterProcess, release: Release | null): Promise<void>;
  /** Names of the failpoints that it has come to, in order, in all its starts. */
  readHits(process: ClusterProcess): Promise<readonly string[]>;
  /**
   * Repairs all links, thaws and starts all processes, the database and the broker. Answers the names of processes that
   * had ended by themselves.
   */
  heal(): Promise<readonly string[]>;
}

/** With Kafka, its one broker is reached through a link too. */
export type ChaosOptions = Omit<ClusterOptions, "brokers"> & { readonly kafka?: boolean; readonly pooler?: boolean };

export async function startChaosCluster(options: ChaosOptions): Promise<ChaosCluster> {
  const breakables = await startBreakables(options);
  const { kafka, pooler, links, plans } = breakables;
  const releases = new Map<string, Release>();
  const cluster = await startLocalCluster({
    ...options,
    nodeArguments: armingArguments,
    programOf: (service, index) => releases.get(`${service}-${index}`)?.program ?? null,
    environmentOf: (service, index) => ({
      ...plans.environmentOf(`${service}-${index}`),
      ...poolerEnvironment(links.poolerUrl(service, index)),
    }),
    databaseUrl: links.databaseUrl,
    executorUrls: links.executorUrls,
    kafkaBrokers: () => (kafka === null ? [] : [kafka.address]),
  });
  const ended = new Set<ClusterProcess>();

  async function restartWith(process: ClusterProcess, plan: readonly PlannedFailure[]): Promise<void> {
    if (process.isRunning) await process.stop();
    plans.set(process.name, plan);
    ended.add(process);
    // One that meets its failure before it is ready did what it was planned to do.
    await process.start().catch((error: unknown) => {
      if (plan.length === 0) throw error;
    });
  }

  async function heal(): Promise<readonly string[]> {
    await breakables.heal();
    if (!cluster.database.isRunning) await cluster.database.start();
    const down = cluster.processes.filter(({ isRunning }) => !isRunning);
    const surprises = down.filter((process) => !ended.has(process)).map(({ name }) => name);
    plans.clear();
    releases.clear();
    for (const process of cluster.processes) process.signal("SIGCONT");
    await Promise.all(down.map((process) => process.start()));
    ended.clear();
    return surprises;
  }

  // A spread would read the getters once.
  return Object.assign(Object.create(cluster) as LocalCluster, {
    links,
    kafka,
    pooler,
    async murder(process: ClusterProcess) {
      ended.add(process);
      await process.kill();
    },
    async end(process: ClusterProcess) {
      ended.add(process);
      await process.stop();
    },
    restartWith,
    async restartAs(process: ClusterProcess, release: Release | null) {
      ended.add(process);
      await process.stop();
      if (release === null) releases.delete(process.name);
      else releases.set(process.name, release);
      await process.start();
    },
    readHits: ({ name }: ClusterProcess) => plans.readHits(name),
    heal,
    async stop() {
      await stopAtOnce(cluster);
      await breakables.close();
    },
  });
}

/** Nothing of it is judged any more: no attempt is waited for. */
async function stopAtOnce(cluster: LocalCluster): Promise<void> {
  await Promise.all(cluster.processes.map((process) => process.kill()));
  await cluster.stop();
}

/** What stands between the processes and what they reach. */
async function startBreakables(options: ChaosOptions) {
  const kafka = options.kafka === true ? await startChaosKafka() : null;
  const pooler = options.pooler === true ? await startChaosPooler() : null;
  const links = await startChaosLinks(options, pooler);
  const plans = await createFailurePlans();
  return {
    kafka,
    pooler,
    links,
    plans,
    async heal() {
      await links.heal();
      await kafka?.heal();
      await pooler?.heal();
    },
    async close() {
      await Promise.all([kafka?.close(), pooler?.close(), links.close(), plans.close()]);
    },
  };
}

function poolerEnvironment(url: string | null): Readonly<Record<string, string>> {
  return url === null ? {} : { MILLRACE_DATABASE_POOLER_URL: url };
}
