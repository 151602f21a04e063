import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { AppError, describeError } from "#errors/app-error.ts";
import { readProcess } from "#runner/process-table.ts";

/** What a worker keeps in its data directory, while it alone uses it. */
export interface WorkerHome {
  readonly directory: string;
  readonly workerId: string;
  /** The id of this start. */
  readonly start: string;
  /** Incarnations of earlier starts that an executor may know, oldest first; none at the first start. */
  readonly predecessors: readonly string[];
  /** Replaces what the next start will find there. */
  readonly recordIncarnations: (incarnations: readonly string[]) => void;
  /** Lets another worker use the directory. */
  readonly release: () => void;
}

interface Owner {
  readonly pid: number;
  /** 0 where the host does not tell. */
  readonly startedTicks: number;
}

/**
 * Opens the worker's part of the data directory: its id (made once, unless one is given), a lock that no two living
 * workers hold, and the incarnation that this start follows. Throws `DATA_DIR_UNUSABLE`.
 */
export function openWorkerHome(dataDir: string, givenId: string | null): WorkerHome {
  const directory = join(dataDir, "worker");
  const lock = join(directory, "lock");
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    takeLock(lock, directory);
    const start = randomBytes(8).toString("hex");
    const incarnationFile = join(directory, "incarnation");
    return {
      directory,
      workerId: givenId ?? readOrMakeId(join(directory, "worker-id")),
      start,
      predecessors: readText(incarnationFile)
        .split("\n")
        .filter((line) => line !== ""),
      recordIncarnations: (incarnations) => replaceFile(incarnationFile, incarnations.join("\n")),
      release: () => rmSync(lock, { force: true }),
    };
  } catch (error) {
    if (error instanceof AppError) throw error;
    const message = `the worker can't use ${directory}: ${describeError(error)}`;
    throw new AppError("DATA_DIR_UNUSABLE", message, { cause: error, details: { directory } });
  }
}

/** A lock whose owner is dead, or whose pid belongs to another process by now, is taken over. */
function takeLock(lock: string, directory: string): void {
  const mine: Owner = { pid: process.pid, startedTicks: readProcess(process.pid)?.startedTicks ?? 0 };
  const draft = `${lock}.${process.pid}.${randomBytes(4).toString("hex")}`;
  writeFileSync(draft, JSON.stringify(mine));
  try {
    if (tryLink(draft, lock)) return;
    const owner = readOwner(lock);
    if (owner === null || !isAlive(owner)) {
      // Only one of several starters can move the stale lock away; the others then find the new one.
      const stale = `${draft}.stale`;
      renameSync(lock, stale);
      rmSync(stale, { force: true });
      if (tryLink(draft, lock)) return;
    }
    const message = `another worker (process ${owner?.pid ?? "unknown"}) uses ${directory}; give this one its own --data-dir`;
    throw new AppError("DATA_DIR_UNUSABLE", message, { details: { directory } });
  } finally {
    rmSync(draft, { force: true });
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

function isAlive({ pid, startedTicks }: Owner): boolean {
  const found = readProcess(pid);
  if (found !== null) return !found.isZombie && found.startedTicks === startedTicks;
  try {
    // Where there is no /proc, the pid alone tells.
    process.kill(pid, 0);
    return startedTicks === 0;
  } catch {
    return false;
  }
}

function readOwner(lock: string): Owner | null {
  try {
    return JSON.parse(readFileSync(lock, "utf8")) as Owner;
  } catch {
    return null;
  }
}

function readOrMakeId(path: string): string {
  const known = readText(path);
  if (known !== "") return known;
  const name = hostname()
    .replaceAll(/[^A-Za-z0-9_.-]/g, "-")
    .slice(0, 100);
  const made = `${name}-${randomBytes(4).toString("hex")}`;
  replaceFile(path, made);
  return made;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

/** Whole or not at all. */
function replaceFile(path: string, text: string): void {
  const draft = `${path}.new`;
  writeFileSync(draft, text);
  renameSync(draft, path);
}
