import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AttemptLimits, AttemptUsage, UsageNow } from "./attempt-limits.ts";
import type { Controller } from "./cgroup-support.ts";
import { readText } from "./read-text.ts";

const cpuPeriodUs = 100_000;
/** The kernel takes no smaller share. */
const minCpuQuotaUs = 1000;

/** Gives a new cgroup its limits. Answers which of them the kernel now holds; the others somebody else must watch. */
export function limitCgroup(
  path: string,
  limits: AttemptLimits,
  controllers: ReadonlySet<Controller>,
): ReadonlySet<Controller> {
  const held = new Set<Controller>();
  if (controllers.has("pids") && write(path, "pids.max", String(limits.processes))) held.add("pids");
  if (controllers.has("memory") && limitMemory(path, limits.memoryBytes)) held.add("memory");
  if (controllers.has("cpu") && limitCpu(path, limits.cpus)) held.add("cpu");
  return held;
}

/** What all processes that were ever in the cgroup used. */
export function readCgroupUsage(path: string): AttemptUsage {
  const cpuUs = /^usage_usec (\d+)$/m.exec(readText(join(path, "cpu.stat")) ?? "")?.[1];
  return {
    cpuMs: cpuUs === undefined ? null : Math.round(Number(cpuUs) / 1000),
    memoryPeakBytes: readCount(path, "memory.peak"),
  };
}

/** What the processes in the cgroup use now. */
export function readCgroupNow(path: string): Pick<UsageNow, "memoryBytes" | "processes"> {
  return { memoryBytes: readCount(path, "memory.current"), processes: readCount(path, "pids.current") };
}

/** Null where the kernel does not count it. */
function readCount(path: string, file: string): number | null {
  // A look costs a fraction of a read that fails.
  const text = existsSync(join(path, file)) ? readText(join(path, file)) : null;
  return text === null ? null : Number.parseInt(text, 10);
}

/** The kernel killed a process of the cgroup because memory was short; false where that is not counted. */
export function ranOutOfMemory(path: string): boolean {
  return countEvents(path, "memory.events", "oom_kill") > 0;
}

/** A process of the cgroup could not fork, since there were too many; false where that is not counted. */
export function ranOutOfProcesses(path: string): boolean {
  return countEvents(path, "pids.events", "max") > 0;
}

/** Without swap the limit is one of all memory; a killed process takes its whole attempt with it. */
function limitMemory(path: string, bytes: number | null): boolean {
  if (bytes !== null) {
    if (!write(path, "memory.max", String(bytes))) return false;
    write(path, "memory.swap.max", "0");
  }
  write(path, "memory.oom.group", "1");
  return true;
}

function limitCpu(path: string, cpus: number | null): boolean {
  if (cpus === null) return true;
  const quotaUs = Math.max(minCpuQuotaUs, Math.round(cpus * cpuPeriodUs));
  return write(path, "cpu.max", `${quotaUs} ${cpuPeriodUs}`);
}

function countEvents(path: string, file: string, event: string): number {
  return Number(new RegExp(`^${event} (\\d+)$`, "m").exec(readText(join(path, file)) ?? "")?.[1] ?? 0);
}

/** False when the kernel has no such file or refuses the value. */
function write(path: string, file: string, value: string): boolean {
  if (!existsSync(join(path, file))) return false;
  try {
    writeFileSync(join(path, file), value);
    return true;
  } catch {
    return false;
  }
}
