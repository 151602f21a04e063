import { setTimeout as delay } from "node:timers/promises";
import { isPopulated, killCgroup } from "./cgroup.ts";
import { hasVariable, listProcesses, type ProcessEntry } from "./process-table.ts";

/** Every process of an attempt starts with this variable, by which orphans are found again. */
export const tokenVariable = "MILLRACE_ATTEMPT_TOKEN";

const firstLookAgainMs = 2;
const lookAgainMs = 100;

/** What is known of the processes of one attempt. */
export interface ProcessTree {
  readonly token: string;
  /** Groups (and sessions) that its processes were started in. */
  readonly groups: ReadonlySet<number>;
  /** Null where the host has none: then the groups, their children and the token tell who belongs to it. */
  readonly cgroup: string | null;
}

/** Asks all groups of the tree to end. Children with sessions of their own are not asked. */
export function terminateGroups(tree: ProcessTree): void {
  for (const group of tree.groups) sendSignal(-group, "SIGTERM");
}

/**
 * Kills every process of the tree and resolves when none is left (G13). One that the kernel can't end yet is waited
 * for: until it is gone nobody may believe that the attempt is.
 */
export async function killTree(tree: ProcessTree): Promise<void> {
  for (let waitMs = firstLookAgainMs; killMembers(tree); waitMs = Math.min(waitMs * 2, lookAgainMs))
    await delay(waitMs);
}

/** Whether a process of the tree is alive. */
export function hasMembers(tree: ProcessTree): boolean {
  if (tree.cgroup !== null) return isPopulated(tree.cgroup);
  const table = listProcesses();
  if (table.length === 0) return [...tree.groups].some((group) => sendSignal(-group, 0));
  return findMembers(tree, table).length > 0;
}

/** One round. Answers whether any member was alive. */
function killMembers(tree: ProcessTree): boolean {
  for (const group of tree.groups) sendSignal(-group, "SIGKILL");
  if (tree.cgroup !== null) return killCgroup(tree.cgroup);
  const table = listProcesses();
  if (table.length === 0) return [...tree.groups].some((group) => sendSignal(-group, "SIGKILL"));
  const members = findMembers(tree, table);
  for (const pid of members) sendSignal(pid, "SIGKILL");
  return members.length > 0;
}

/** Living processes of the tree: of its groups and sessions, with its token, and the children of all these. */
function findMembers(tree: ProcessTree, table: readonly ProcessEntry[]): readonly number[] {
  const living = livingOthers(table);
  const members = new Set<number>();
  for (const { pid, group, session } of living) {
    const known = tree.groups.has(group) || tree.groups.has(session);
    if (known || hasVariable(pid, tokenVariable, tree.token)) members.add(pid);
  }
  return withDescendants(members, living);
}

/** As `findMembers`, but without a look into each process of the host: of its groups and sessions, known before, and their children. */
export function findRelatives(
  tree: ProcessTree,
  table: readonly ProcessEntry[],
  known: ReadonlyMap<number, number>,
): readonly ProcessEntry[] {
  const living = livingOthers(table);
  const isRelative = ({ pid, group, session, startedTicks }: ProcessEntry): boolean =>
    tree.groups.has(group) || tree.groups.has(session) || known.get(pid) === startedTicks;
  const pids = new Set(withDescendants(new Set(living.filter(isRelative).map(({ pid }) => pid)), living));
  return living.filter(({ pid }) => pids.has(pid));
}

function livingOthers(table: readonly ProcessEntry[]): readonly ProcessEntry[] {
  return table.filter((entry) => !entry.isZombie && entry.pid !== process.pid);
}

function withDescendants(members: Set<number>, living: readonly ProcessEntry[]): readonly number[] {
  for (let size = -1; size !== members.size; ) {
    size = members.size;
    for (const { pid, parent } of living) if (members.has(parent)) members.add(pid);
  }
  return [...members];
}

/** False when nobody is there to get it. */
function sendSignal(target: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(target, signal);
    return true;
  } catch {
    return false;
  }
}
