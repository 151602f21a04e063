import { readdirSync, readFileSync } from "node:fs";

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
  const text = readText(`/proc/${pid}/stat`);
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
  };
}

/** The process was started with `name=value` in its environment. False when that can't be read. */
export function hasVariable(pid: number, name: string, value: string): boolean {
  const text = readText(`/proc/${pid}/environ`);
  if (text === null) return false;
  const wanted = `${name}=${value}\0`;
  return text.startsWith(wanted) || text.includes(`\0${wanted}`);
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return null;
  }
}

function readDirectory(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
