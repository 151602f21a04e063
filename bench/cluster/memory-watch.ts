import { setTimeout as delay } from "node:timers/promises";
import type { LocalCluster } from "#testing/cluster/local-cluster.ts";
import { readMemoryMib } from "../resources.ts";

/** 300 MB. */
export const memoryLimitMib: number = 300e6 / 2 ** 20;
const sampleMs = 1000;

export interface MemoryWatch {
  /** Ends the watch; answers the most that each process, with those below it, ever had. */
  close(): Promise<ReadonlyMap<string, number>>;
}

/** Looks at every process of the cluster once a second. */
export function openMemoryWatch(cluster: LocalCluster): MemoryWatch {
  const stop = new AbortController();
  const most = new Map<string, number>();
  const look = async (): Promise<void> => {
    for (const { name, pid } of cluster.processes) {
      most.set(name, Math.max(most.get(name) ?? 0, await readMemoryMib([pid])));
    }
  };
  const watch = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await look();
      await delay(sampleMs, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  };
  const watching = watch();
  return {
    close: async () => {
      stop.abort();
      await watching;
      return most;
    },
  };
}
