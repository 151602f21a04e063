import type { UsageNow } from "../attempt-limits.ts";
import type { ContainerTool } from "./enclosure.ts";

const nsPerMs = 1_000_000;

/** What `stats` is asked for: memory, processes, time on processors in nanoseconds, which docker does not tell. */
export const statsFormat: Readonly<Record<ContainerTool["kind"], string>> = {
  podman: "{{.MemUsage}};{{.PIDs}};{{.CPUNano}}",
  docker: "{{.MemUsage}};{{.PIDs}};",
};

const unitBytes: Readonly<Record<string, number>> = {
  ...{ B: 1, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 },
  ...{ KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 },
};

/** Reads an engine's line such as `1.5MiB / 2GiB;3;`; null for what it does not tell. */
export function parseEngineStats(line: string): UsageNow {
  const [memory = "", processes = "", cpuNs = ""] = line.trim().split(";");
  const [, amount = "", unit = ""] = /^([\d.]+)\s*([A-Za-z]+)(?:\s*\/|$)/.exec(memory.trim()) ?? [];
  const scale = unitBytes[unit];
  return {
    cpuMs: /^\d+$/.test(cpuNs) ? Math.round(Number(cpuNs) / nsPerMs) : null,
    memoryBytes: scale === undefined ? null : Math.round(Number(amount) * scale),
    memoryPeakBytes: null,
    processes: /^\d+$/.test(processes) ? Number(processes) : null,
  };
}
