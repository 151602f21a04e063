import { readFile, stat } from "node:fs/promises";
import type { ChaosCluster } from "./chaos-cluster.ts";

/** What all processes of a cluster log from now on; `read` answers it so far. */
export async function readLogsSince(cluster: ChaosCluster): Promise<{ read(): Promise<string> }> {
  const files = cluster.processes.map(({ logFile }) => logFile);
  const offsets = await Promise.all(files.map(async (file) => (await stat(file)).size));
  return {
    async read() {
      const texts = files.map(async (file, place) => (await readFile(file)).subarray(offsets[place]).toString());
      return (await Promise.all(texts)).join("");
    },
  };
}
