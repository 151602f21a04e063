import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Whether attempts get a cgroup of their own: the folder that it is made in, or what the host lacks. */
export type CgroupSupport = { readonly parent: string } | { readonly parent: null; readonly missing: string };

/** A process joins the cgroup before it becomes the program, so that no child of it can be born outside. */
export function joinCgroup(
  cgroup: string,
  file: string,
  args: readonly string[],
): { file: string; args: readonly string[] } {
  return { file: "/bin/sh", args: ["-c", 'echo $$ > "$0" && exec "$@"', join(cgroup, "cgroup.procs"), file, ...args] };
}

/**
 * Looks for a cgroup v2 tree that this process may make cgroups in, also on hosts that mount it beside v1, and tries
 * it once.
 */
export function findCgroupSupport(): CgroupSupport {
  const mount = findMount();
  if (mount === null) return { parent: null, missing: "no cgroup v2 is mounted" };
  const own = /^0::(.*)$/m.exec(readText("/proc/self/cgroup") ?? "")?.[1];
  if (own === undefined) return { parent: null, missing: "this process is in no cgroup v2" };
  const parent = join(mount, own);
  const probe = createCgroup(parent, `probe-${process.pid}`);
  if (probe === null) return { parent: null, missing: `${parent} is not writable` };
  try {
    if (!existsSync(join(probe, "cgroup.kill"))) return { parent: null, missing: "the kernel has no cgroup.kill" };
    const { file, args } = joinCgroup(probe, "/bin/sh", ["-c", ":"]);
    const { status } = spawnSync(file, args, { stdio: "ignore", env: {} });
    return status === 0 ? { parent } : { parent: null, missing: `processes can't be moved below ${parent}` };
  } finally {
    removeCgroup(probe);
  }
}

/** The new cgroup's path, or null when it can't be made. */
export function createCgroup(parent: string, token: string): string | null {
  const path = join(parent, `millrace-${token}`);
  try {
    mkdirSync(path);
    return path;
  } catch {
    return null;
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

/** The kernel killed a process of the cgroup because memory was short; false where that is not counted. */
export function ranOutOfMemory(path: string): boolean {
  const count = /^oom_kill (\d+)$/m.exec(readText(join(path, "memory.events")) ?? "")?.[1];
  return count !== undefined && count !== "0";
}

/** Removes an empty cgroup, with those that its processes made in it. False while something is in it. */
export function removeCgroup(path: string): boolean {
  try {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) removeCgroup(join(path, entry.name));
    }
    rmdirSync(path);
    return true;
  } catch {
    return !existsSync(path);
  }
}

function findMount(): string | null {
  for (const line of (readText("/proc/mounts") ?? "").split("\n")) {
    const [, point, type] = line.split(" ");
    if (type === "cgroup2" && point !== undefined) return point;
  }
  return null;
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
