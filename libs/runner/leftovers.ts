import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { attemptDirectories, attemptsRoot, removeDirectory } from "./attempt-directories.ts";
import { removeCgroup } from "./cgroup.ts";
import { readCgroupNote } from "./cgroup-note.ts";
import { forgetContainer, readContainerNote, removeContainer } from "./enclosure/container-life.ts";
import { readNote, writeNote } from "./note-file.ts";
import { readProcess } from "./process-table.ts";
import { killTree } from "./process-tree.ts";

const lookAgainMs = 5;
/** Engines are asked for so long for what an earlier start left in them, in milliseconds. */
const engineTimeoutMs = 60_000;

/** Hears what goes wrong with what an attempt left; no token: with what the runner left. */
export type TellOfLeftover = (message: string, token?: string) => void;

interface Leftovers {
  /** How many attempts were found and are dead now. */
  readonly killed: number;
  /** Attempts whose container may still run, since its engine gives no answer. Their folders stay, for a later try. */
  readonly unsure: readonly string[];
}

/** Remembers the runner, so that the next start of the worker can end it should both have been cut off. */
export function noteRunner(dataDir: string, pid: number): void {
  writeNote(runnerNote(dataDir), { pid, startedTicks: readProcess(pid)?.startedTicks ?? 0 });
}

/**
 * Kills what an earlier incarnation of the data directory left running: its runner, then every attempt that still has
 * a folder. Only when none is unsure is that incarnation's death certain (G4).
 */
export async function killLeftovers(
  dataDir: string,
  tell: TellOfLeftover,
  timeoutMs: number = engineTimeoutMs,
): Promise<Leftovers> {
  await killRunner(dataDir, tell);
  const tokens = listAttempts(dataDir);
  const removal = { tell, signal: AbortSignal.timeout(timeoutMs) };
  const areGone = await Promise.all(tokens.map((token) => removeAttempt(dataDir, token, removal)));
  const unsure = tokens.filter((_, index) => areGone[index] !== true);
  return { killed: tokens.length - unsure.length, unsure };
}

/** Removes the directories of attempts that are no longer known. Answers their number; what can't be removed stays. */
export async function removeStrays(
  dataDir: string,
  isKnown: (token: string) => boolean,
  tell: TellOfLeftover,
): Promise<number> {
  const strays = listAttempts(dataDir).filter((token) => !isKnown(token));
  const removal = { tell, signal: AbortSignal.timeout(engineTimeoutMs) };
  const removals = await Promise.allSettled(strays.map((token) => removeAttempt(dataDir, token, removal)));
  return removals.filter((removed) => removed.status === "fulfilled" && removed.value).length;
}

/**
 * Kills all processes of an attempt that no runner looks after, and removes what it has on the host. False: it was told
 * to ask the engine no more, and the attempt's folder is still there.
 */
export async function removeAttempt(
  dataDir: string,
  token: string,
  { tell, signal }: { readonly tell: TellOfLeftover; readonly signal?: AbortSignal },
): Promise<boolean> {
  const directories = attemptDirectories(dataDir, token);
  const cgroup = readCgroupNote(directories);
  const note = readContainerNote(directories.containerNote);
  await killTree({ token, groups: new Set(), cgroup });
  if (note === "unreadable")
    tell(`the note of its container in ${directories.containerNote} can't be read; taken as none`, token);
  else if (note?.mayRun === false) await forgetContainer(note.tool, token);
  else if (note !== null) {
    const asking = { tell: (message: string) => tell(message, token), ...(signal === undefined ? {} : { signal }) };
    if (!(await removeContainer(note.tool, token, asking))) return false;
  }
  await removeDirectory(directories.base);
  if (cgroup !== null) removeCgroup(cgroup);
  return true;
}

async function killRunner(dataDir: string, tell: TellOfLeftover): Promise<void> {
  const note = readNote(runnerNote(dataDir));
  if (note === null) return;
  if (note === "unreadable") return tell(`the note ${runnerNote(dataDir)} of the runner can't be read; taken as none`);
  const { pid = 0, startedTicks } = note as { readonly pid?: number; readonly startedTicks?: number };
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
