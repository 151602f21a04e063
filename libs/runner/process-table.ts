import { readdirSync } from "node:fs";
import { readText } from "./read-text.ts";

/** What the kernel counts time of processes in, for programs, on every architecture. */
const ticksPerSecond = 100;

/** One process of the host, as /proc has it. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** It has ended and only waits for its parent to notice. */
  readonly isZombie: boolean;
  /** Clock ticks between the host's start and its own: with the pid, a name that is never used twice. */
  readonly startedTicks: number;
  /** Time on processors, with that of children that have ended. */
  readonly cpuMs: number;
}

/** All processes that can be seen; empty on systems without /proc. */
export function listProcesses(): readonly ProcessEntry[] {
  const entries: ProcessEntry[] = [];
  for (const name of readDirectory("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const entry = readProcess(Number(name));
    if (entry !== null) entries.push(entry);
  }
  return entries;
}

/** Null when it is gone, or where there is no /proc. */
export function readProcess(pid: number): ProcessEntry | null {
  const text = readText(`/proc/${pid}/stat`, "latin1");
  if (text === null) return null;
  // The name in parentheses may hold anything, so the fields are counted from its end.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state = "", parent = "", group = "", session = ""] = fields;
  return {
    pid,
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    isZombie: state === "Z" || state === "X",
    startedTicks: Number(fields[19] ?? "0"),
    cpuMs: (fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * 1000) / ticksPerSecond,
  };
}

/** Bytes that the process has in memory; those that it shares count whole. 0 when it is gone. */
export function residentBytes(pid: number): number {
  return kilobytes(readText(`/proc/${pid}/status`), "VmRSS");
}

/** As `residentBytes`, but of what it shares it has its part alone. It costs more, and where it is refused is the former. */
export function proportionalBytes(pid: number): number {
  const text = readText(`/proc/${pid}/smaps_rollup`);
  return text === null ? residentBytes(pid) : kilobytes(text, "Pss");
}

function kilobytes(text: string | null, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text ?? "")?.[1] ?? 0) * 1024;
}

/** The process was started with `name=value` in its environment. False when that can't be read. */
export function hasVariable(pid: number, name: string, value: string): boolean {
  const text = readText(`/proc/${pid}/environ`, "latin1");
  if (text === null) return false;
  const wanted = `${name}=${value}\0`;
  return text.startsWith(wanted) || text.includes(`\0${wanted}`);
}

function readDirectory(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
