import { readFile, statfs } from "node:fs/promises";
import { cpus, freemem, totalmem } from "node:os";
import { join } from "node:path";
import { ownCgroup } from "#runner/cgroup-support.ts";
import type { ResourceUsage } from "./pressure.ts";

/** Measures the machine; the cpu's share is that of the time since the measure before. */
export interface MachineMeter {
  measure(): Promise<ResourceUsage>;
}

/** The limits of the cgroup hold where there are some (version 2), else those of the host. `directory` tells which disk. */
export function createMachineMeter(directory: string): MachineMeter {
  let before = cpuTimes();
  return {
    async measure() {
      const now = cpuTimes();
      const total = now.total - before.total;
      const busy = now.busy - before.busy;
      before = now;
      const [memoryPercent, diskPercent] = await Promise.all([memoryUse(), diskUse(directory)]);
      return { cpuPercent: percent(busy, total), memoryPercent, diskPercent };
    },
  };
}

function cpuTimes(): { readonly busy: number; readonly total: number } {
  let busy = 0;
  let idle = 0;
  for (const { times } of cpus()) {
    busy += times.user + times.nice + times.sys + times.irq;
    idle += times.idle;
  }
  return { busy, total: busy + idle };
}

async function memoryUse(): Promise<number> {
  const limited = await cgroupMemoryUse();
  return limited ?? percent(totalmem() - freemem(), totalmem());
}

/** Null: there is no limit. Pages of files that could be dropped are not counted, since the kernel drops them first. */
async function cgroupMemoryUse(): Promise<number | null> {
  try {
    const cgroup = ownCgroup();
    if (cgroup === null) return null;
    const read = (file: string): Promise<string> => readFile(join(cgroup, file), "utf8");
    const limit = Number.parseInt(await read("memory.max"), 10);
    if (Number.isNaN(limit)) return null;
    const droppable = Number(/^inactive_file (\d+)$/m.exec(await read("memory.stat"))?.[1] ?? 0);
    return percent(Number.parseInt(await read("memory.current"), 10) - droppable, Math.min(limit, totalmem()));
  } catch {
    return null;
  }
}

/** As `df` counts: what is kept back for the superuser is neither used nor free. */
async function diskUse(directory: string): Promise<number> {
  const { blocks, bfree, bavail } = await statfs(directory);
  return percent(blocks - bfree, blocks - bfree + bavail);
}

/** To a tenth, between 0 and 100. */
function percent(part: number, whole: number): number {
  if (whole <= 0) return 0;
  return Math.min(100, Math.max(0, Math.round((part / whole) * 1000) / 10));
}
