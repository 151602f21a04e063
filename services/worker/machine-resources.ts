import { readdir, statfs } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import type { ResourceAmounts } from "#core/resource-amounts.ts";

/** One folder for each GPU, where the driver of NVIDIA is loaded. */
const nvidiaFolder = "/proc/driver/nvidia/gpus";

/**
 * What this machine, or the cgroup around the process, has for attempts. Of the file system of `directory` that is what is
 * free now, before any attempt runs.
 */
export async function measureResources(directory: string): Promise<ResourceAmounts> {
  const [{ bavail, bsize }, gpus] = await Promise.all([statfs(directory), countGpus()]);
  return { milliCpus: availableParallelism() * 1000, memoryBytes: memoryBytes(), diskBytes: bavail * bsize, gpus };
}

/** The limit of the cgroup where there is one; a host without a limit tells 0, or more than it has. */
function memoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

async function countGpus(): Promise<number> {
  return (await readdir(nvidiaFolder).catch(() => [])).length;
}
