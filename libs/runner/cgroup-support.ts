import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { AttemptLimits } from "./attempt-limits.ts";
import { cgroupPath, createCgroup, joinCgroup, removeCgroup, startWithin } from "./cgroup.ts";
import { readProcess } from "./process-table.ts";
import { readText } from "./read-text.ts";

/** What the kernel limits and counts for a cgroup. */
export type Controller = "memory" | "pids" | "cpu";

const wanted: readonly Controller[] = ["memory", "pids", "cpu"];

/** The worker's own processes move into this cgroup, since the kernel delegates controllers only from an empty one. */
const leafName = "millrace-worker";

/** Whether attempts get a cgroup of their own, where, and with which controllers; or what the host lacks. */
export type CgroupSupport =
  | {
      readonly parent: string;
      readonly controllers: ReadonlySet<Controller>;
      /** The cgroup of this process, to which it comes back from an attempt's; null: it may not go there. */
      readonly home: string | null;
      /** Why it has not all controllers; null: it has. */
      readonly missing: string | null;
    }
  | { readonly parent: null; readonly missing: string };

/**
 * Looks for a cgroup v2 tree that this process may make cgroups in, also on hosts that mount it beside v1, and tries
 * it once. `delegates`: it may move this worker's own processes, where that gives the attempts' cgroups controllers;
 * otherwise the answer is what a worker here would try.
 */
export function findCgroupSupport({ delegates }: { readonly delegates: boolean }): CgroupSupport {
  const parent = ownCgroup();
  if (parent === null) return { parent: null, missing: "no cgroup v2 is mounted" };
  const probe = cgroupPath(parent, `probe-${process.pid}`);
  if (!createCgroup(probe)) return { parent: null, missing: `${parent} is not writable` };
  try {
    if (!existsSync(join(probe, "cgroup.kill"))) return { parent: null, missing: "the kernel has no cgroup.kill" };
    const { file, args } = joinCgroup(probe, "/bin/sh", ["-c", ":"]);
    const { status } = spawnSync(file, args, { stdio: "ignore", env: {} });
    if (status !== 0) return { parent: null, missing: `processes can't be moved below ${parent}` };
  } finally {
    removeCgroup(probe);
  }
  const delegated = delegateControllers(parent, delegates);
  return { parent, ...delegated, home: delegates ? findHome(parent) : null };
}

/** Where this process is, if it can go to a cgroup below `parent` and come back; else null. */
export function findHome(parent: string): string | null {
  const home = presentCgroup();
  const probe = cgroupPath(parent, `home-${process.pid}`);
  if (home === null || !createCgroup(probe)) return null;
  try {
    startWithin(probe, home, () => undefined);
    return home;
  } catch {
    return null;
  } finally {
    removeCgroup(probe);
  }
}

/**
 * Where the runner comes back to when it starts a process from within the attempt's cgroup; null: it may not go there. An
 * attempt's own limit of memory or time would be one for the runner too, and end it with the attempt.
 */
export function homeFor(support: CgroupSupport, { memoryBytes, cpus }: AttemptLimits): string | null {
  return support.parent === null || memoryBytes !== null || cpus !== null ? null : support.home;
}

/** The cgroup v2 that this worker was started in; null where there is none. */
export function ownCgroup(): string | null {
  const path = presentCgroup();
  return path?.endsWith(`/${leafName}`) === true ? dirname(path) : path;
}

function presentCgroup(): string | null {
  const mount = findMount();
  const own = /^0::(.*)$/m.exec(readText("/proc/self/cgroup") ?? "")?.[1];
  return mount === null || own === undefined ? null : join(mount, own).replace(/\/$/, "");
}

/** Has the kernel give the controllers that `parent` has to the cgroups below it. */
export function delegateControllers(
  parent: string,
  delegates: boolean,
): { readonly controllers: ReadonlySet<Controller>; readonly missing: string | null } {
  const offered = wanted.filter((name) => readWords(join(parent, "cgroup.controllers")).has(name));
  const given = () => offered.filter((name) => readWords(join(parent, "cgroup.subtree_control")).has(name));
  if (delegates && given().length < offered.length && !enable(parent, offered) && moveOwnProcesses(parent))
    enable(parent, offered);
  const controllers = delegates ? given() : offered;
  const absent = wanted.filter((name) => !offered.includes(name));
  const refused = offered.filter((name) => !controllers.includes(name));
  const reasons = [
    ...(absent.length === 0 ? [] : [`${parent} has no controller for ${absent.join(", ")}`]),
    ...(refused.length === 0
      ? []
      : [`${parent} holds other processes too, so that it can't give away ${refused.join(", ")}`]),
  ];
  return { controllers: new Set(controllers), missing: reasons.length === 0 ? null : reasons.join("; ") };
}

function enable(parent: string, controllers: readonly Controller[]): boolean {
  try {
    writeFileSync(join(parent, "cgroup.subtree_control"), controllers.map((name) => `+${name}`).join(" "));
    return true;
  } catch {
    return false;
  }
}

/** Moves this process and those that it descends from into a leaf. False where others are there too: they are not ours. */
function moveOwnProcesses(parent: string): boolean {
  const own = ancestry(process.pid);
  const present = [...readWords(join(parent, "cgroup.procs"))].map(Number);
  if (!present.every((pid) => own.has(pid))) return false;
  try {
    const leaf = join(parent, leafName);
    mkdirSync(leaf, { recursive: true });
    for (const pid of present) writeFileSync(join(leaf, "cgroup.procs"), String(pid));
    return true;
  } catch {
    return false;
  }
}

function ancestry(from: number): ReadonlySet<number> {
  const pids = new Set<number>();
  for (let pid = from; pid > 0 && !pids.has(pid); pid = readProcess(pid)?.parent ?? 0) pids.add(pid);
  return pids;
}

function findMount(): string | null {
  for (const line of (readText("/proc/mounts") ?? "").split("\n")) {
    const [, point, type] = line.split(" ");
    if (type === "cgroup2" && point !== undefined) return point;
  }
  return null;
}

function readWords(path: string): ReadonlySet<string> {
  return new Set((readText(path) ?? "").split(/\s+/).filter((word) => word !== ""));
}
