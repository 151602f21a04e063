import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { attemptDirectories, attemptsRoot, removeDirectory } from "./attempt-directories.ts";
import { removeCgroup } from "./cgroup.ts";
import { readContainerNote, removeContainer } from "./enclosure/container-life.ts";
import { readProcess } from "./process-table.ts";
import { killTree } from "./process-tree.ts";
import { readText } from "./read-text.ts";

const lookAgainMs = 5;

/** Remembers the runner, so that the next start of the worker can end it should both have been cut off. */
export function noteRunner(dataDir: string, pid: number): void {
  writeFileSync(runnerNote(dataDir), JSON.stringify({ pid, startedTicks: readProcess(pid)?.startedTicks ?? 0 }));
}

/**
 * Kills what an earlier incarnation of the data directory left running: its runner, then every attempt that still has
 * a folder. Answers their number. Only then is that incarnation's death certain (G4).
 */
export async function killLeftovers(dataDir: string): Promise<number> {
  await killRunner(dataDir);
  const tokens = listAttempts(dataDir);
  await Promise.all(tokens.map((token) => removeAttempt(dataDir, token)));
  return tokens.length;
}

/** Removes the directories of attempts that are no longer known. Answers their number; what can't be removed stays. */
export async function removeStrays(dataDir: string, isKnown: (token: string) => boolean): Promise<number> {
  const strays = listAttempts(dataDir).filter((token) => !isKnown(token));
  const removals = await Promise.allSettled(strays.map((token) => removeAttempt(dataDir, token)));
  return removals.filter(({ status }) => status === "fulfilled").length;
}

/** Kills all processes of an attempt that no runner looks after, and removes what it has on the host. */
export async function removeAttempt(dataDir: string, token: string): Promise<void> {
  const directories = attemptDirectories(dataDir, token);
  const cgroup = readText(directories.cgroupNote);
  const engine = readContainerNote(directories.containerNote);
  await killTree({ token, groups: new Set(), cgroup });
  if (engine !== null) await removeContainer(engine, token);
  await removeDirectory(directories.base);
  if (cgroup !== null) removeCgroup(cgroup);
}

async function killRunner(dataDir: string): Promise<void> {
  const text = readText(runnerNote(dataDir));
  if (text === null) return;
  const { pid, startedTicks } = JSON.parse(text) as { pid: number; startedTicks: number };
  const isSame = (): boolean => {
    const entry = readProcess(pid);
    return entry !== null && !entry.isZombie && entry.startedTicks === startedTicks;
  };
  while (isSame()) {
    process.kill(pid, "SIGKILL");
    await delay(lookAgainMs);
  }
  rmSync(runnerNote(dataDir), { force: true });
}

function runnerNote(dataDir: string): string {
  return join(dataDir, "runner.json");
}

function listAttempts(dataDir: string): readonly string[] {
  try {
    return readdirSync(attemptsRoot(dataDir));
  } catch {
    return [];
  }
}
