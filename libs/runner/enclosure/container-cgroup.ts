import { join } from "node:path";
import type { UsageNow } from "../attempt-limits.ts";
import { readText } from "../read-text.ts";

const nsPerMs = 1_000_000;

/** The files by which the kernel tells what a container uses; null: it does not count that. */
export interface ContainerCgroup {
  /** Nanoseconds in version 1; in version 2 a table with microseconds. */
  readonly cpu: string | null;
  readonly memory: string | null;
  readonly memoryPeak: string | null;
  readonly processes: string | null;
}

interface HostTexts {
  /** `/proc/PID/cgroup` of the container's main process. */
  readonly cgroups: string;
  /** `/proc/mounts`. */
  readonly mounts: string;
}

/**
 * Where the kernel counts for the container, in either version and where both are mounted. A cgroup that the container does
 * not have for itself, since its path does not name it, counts for others too, or belongs to a process of the same number.
 */
export function findContainerCgroup(containerId: string, { cgroups, mounts }: HostTexts): ContainerCgroup {
  const folders = new Map<string, string>();
  for (const line of cgroups.split("\n")) {
    const [, names = "", path = ""] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (!path.includes(containerId) || path.split("/").includes("..")) continue;
    for (const name of names.split(",")) {
      const mount = findMount(mounts, name);
      if (mount !== null) folders.set(name, join(mount, path));
    }
  }
  const file = (names: Readonly<Record<string, string>>): string | null => {
    const found = Object.keys(names).find((name) => folders.has(name));
    return found === undefined ? null : join(folders.get(found) ?? "", names[found] ?? "");
  };
  return {
    cpu: file({ cpuacct: "cpuacct.usage", "": "cpu.stat" }),
    memory: file({ memory: "memory.usage_in_bytes", "": "memory.current" }),
    memoryPeak: file({ memory: "memory.max_usage_in_bytes", "": "memory.peak" }),
    processes: file({ pids: "pids.current", "": "pids.current" }),
  };
}

/** Null where a file is not there, as after the end of the container. */
export function readContainerCgroup({ cpu, memory, memoryPeak, processes }: ContainerCgroup): UsageNow {
  return {
    cpuMs: readCpuMs(cpu),
    memoryBytes: readCount(memory),
    memoryPeakBytes: readCount(memoryPeak),
    processes: readCount(processes),
  };
}

/** `name` empty: version 2, which is one tree of all controllers. */
function findMount(mounts: string, name: string): string | null {
  for (const line of mounts.split("\n")) {
    const [, point, type, options = ""] = line.split(" ");
    const isIt = name === "" ? type === "cgroup2" : type === "cgroup" && options.split(",").includes(name);
    if (isIt && point !== undefined) return point;
  }
  return null;
}

function readCpuMs(path: string | null): number | null {
  const text = path === null ? null : readText(path);
  if (text === null) return null;
  const usec = /^usage_usec (\d+)$/m.exec(text)?.[1];
  if (usec !== undefined) return Math.round(Number(usec) / 1000);
  return /^\d+$/.test(text.trim()) ? Math.round(Number(text) / nsPerMs) : null;
}

function readCount(path: string | null): number | null {
  const text = (path === null ? null : readText(path))?.trim() ?? "";
  return /^\d+$/.test(text) ? Number(text) : null;
}
