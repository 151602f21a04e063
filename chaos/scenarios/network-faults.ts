import type { ClusterProcess } from "#testing/cluster/cluster-process.ts";
import type { TcpProxy } from "../proxy/tcp-proxy.ts";
import type { Scenario, Stage } from "../stage/scenario.ts";
import { workerLeaseMs } from "../stage/setups.ts";
import { findBusyWorker } from "./victims.ts";
import { longLivedLoad, ordinaryLoad } from "./ordinary-load.ts";

/** Little of it is done before the healing, and all of it must be done within a minute of it. */
const longRunsPerMinute = 8;
const usualDelayMs = 300;
/** A connection that is made takes several round trips: were all links as slow as that, nothing would happen. */
const stall = { share: 0.2, maxMs: 3000 };
const cutShare = 0.3;

/** What loss and reordering of packets come to on a stream: connections that are slow, stall and break. */
export const shakeLinks: Scenario = {
  setup: "services",
  id: "A3",
  title: "every link slow by a random time, 30 % of them cut each second",
  shortMs: 8000,
  load: ordinaryLoad("a3", { longRunsPerMinute }),
  fault: (stage) => shake(stage, () => stage.random.below(usualDelayMs)),
};

/** Stalls are longer than the short leases of the other clusters. */
export const stallLinks: Scenario = {
  setup: "releases",
  id: "S1",
  title: "every link slow, a fifth of them by up to 3 s, 30 % of them cut each second",
  shortMs: 8000,
  load: ordinaryLoad("s1", { longRunsPerMinute }),
  fault: (stage) =>
    shake(stage, () => stage.random.below(stage.random.chance(stall.share) ? stall.maxMs : usualDelayMs)),
};

async function shake(stage: Stage, drawDelayMs: () => number): Promise<void> {
  const links = stage.cluster.processes.flatMap((process) => stage.cluster.links.of(process.name));
  while (!stage.over.aborted) {
    for (const link of links) {
      for (const direction of ["toServer", "toClient"] as const) link.setLink(direction, { delayMs: drawDelayMs() });
      if (!stage.random.chance(cutShare)) continue;
      link.cut();
      stage.count("link cut");
    }
    await stage.pause(1000);
  }
}

/** Who is cut off, from whom, and in which directions. */
const partitions: Readonly<Record<string, (stage: Stage) => readonly TcpProxy[] | Promise<readonly TcpProxy[]>>> = {
  "worker from everybody": async (stage) => stage.cluster.links.of((await findBusyWorker(stage)).name),
  "executor from everybody": ({ cluster, random }) => cluster.links.of(random.pick(cluster.of("executor")).name),
  "executor from the database": ({ cluster, random }) =>
    databaseLinkOf(cluster.links.toDatabase, random.pick(cluster.of("executor"))),
  "executor from the workers": ({ cluster, random }) => {
    const executor = random.pick(cluster.of("executor"));
    const [toDatabase] = databaseLinkOf(cluster.links.toDatabase, executor);
    return cluster.links.of(executor.name).filter((link) => link !== toDatabase);
  },
};

const directions = [["toServer", "toClient"], ["toServer"], ["toClient"]] as const;

/** Bytes vanish and connections stay: nobody is told. Longer than a lease, so that what was cut off is given up. */
export const partitionActors: Scenario = {
  setup: "services",
  id: "A4",
  title: "one actor cut off, both ways or one way, for 1.5 leases",
  shortMs: 14_000,
  load: longLivedLoad("a4"),
  async fault(stage) {
    for (let turn = 0; !stage.over.aborted; turn += 1) {
      for (const [name, choose] of Object.entries(partitions)) {
        if (stage.over.aborted) return;
        const links = await choose(stage);
        for (const direction of directions[turn % directions.length] ?? [])
          for (const link of links) link.setLink(direction, { isSilent: true });
        stage.count(name);
        await stage.pause(1.5 * workerLeaseMs);
        for (const link of links) await link.heal();
        await stage.pause(500);
      }
    }
  },
};

function databaseLinkOf(links: ReadonlyMap<string, TcpProxy>, { name }: ClusterProcess): readonly TcpProxy[] {
  const link = links.get(name);
  return link === undefined ? [] : [link];
}
