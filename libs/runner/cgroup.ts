import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readText } from "./read-text.ts";

/** A process joins the cgroup before it becomes the program, so that no child of it can be born outside. */
export function joinCgroup(
  cgroup: string,
  file: string,
  args: readonly string[],
): { file: string; args: readonly string[] } {
  return { file: "/bin/sh", args: ["-c", 'echo $$ > "$0" && exec "$@"', join(cgroup, "cgroup.procs"), file, ...args] };
}

/**
 * Has what `start` forks be born in a cgroup: this process goes there for that moment, and comes back. That spares each
 * process the shell that would join the cgroup before it. Throws what `start` throws, and when it can't go.
 */
export function startWithin<T>(cgroup: string, home: string, start: () => T): T {
  enterCgroup(cgroup);
  try {
    return start();
  } finally {
    enterCgroup(home);
  }
}

function enterCgroup(path: string): void {
  writeFileSync(join(path, "cgroup.procs"), "0");
}

/** Where the cgroup of this name is, below the one that workers may use. */
export function cgroupPath(parent: string, name: string): string {
  return join(parent, `millrace-${name}`);
}

/** False when it can't be made. */
export function createCgroup(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Sends SIGKILL to all processes in the cgroup and below it. Answers whether any is still there. */
export function killCgroup(path: string): boolean {
  if (!isPopulated(path)) return false;
  try {
    writeFileSync(join(path, "cgroup.kill"), "1");
  } catch {
    // Gone in the meantime, or about to be: what is left the next look tells.
  }
  return isPopulated(path);
}

/** A process is in the cgroup or below it; zombies don't count. */
export function isPopulated(path: string): boolean {
  return /^populated 1$/m.test(readText(join(path, "cgroup.events")) ?? "");
}

/** The processes in the cgroup and below it. */
export function listCgroupProcesses(path: string): readonly number[] {
  const own = (readText(join(path, "cgroup.procs")) ?? "").split("\n").filter((line) => line !== "");
  return [...own.map(Number), ...listChildren(path).flatMap(listCgroupProcesses)];
}

/** Removes an empty cgroup, with those that its processes made in it. False while something is in it. */
export function removeCgroup(path: string): boolean {
  if (isRemoved(path)) return true;
  for (const child of listChildren(path)) removeCgroup(child);
  return isRemoved(path);
}

function isRemoved(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch {
    return !existsSync(path);
  }
}

function listChildren(path: string): readonly string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
  } catch {
    return [];
  }
}
