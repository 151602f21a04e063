import { lstatSync, readdirSync } from "node:fs";
import { chmod, lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** The places of one attempt on disk, all below `base`, which is made for it and removed after it. */
export interface AttemptDirectories {
  readonly base: string;
  readonly work: string;
  readonly temporary: string;
  readonly artifacts: string;
  readonly code: string;
  readonly outputFile: string;
  /** Holds the path of the attempt's cgroup, so that a later start finds it. */
  readonly cgroupNote: string;
  /** Holds the engine that the attempt's container is in. */
  readonly containerNote: string;
}

/** The runner's own files in an attempt's folder are for its user alone. */
export const privateFileMode = 0o600;

/** Every attempt's folder is below this one of the data directory. */
export function attemptsRoot(dataDir: string): string {
  return join(dataDir, "attempts");
}

/** Where the attempt of this token has its files. Pure. */
export function attemptDirectories(dataDir: string, token: string): AttemptDirectories {
  const base = join(attemptsRoot(dataDir), token);
  return {
    base,
    work: join(base, "work"),
    temporary: join(base, "tmp"),
    artifacts: join(base, "artifacts"),
    code: join(base, "code"),
    outputFile: join(base, "output"),
    cgroupNote: join(base, "cgroup"),
    containerNote: join(base, "container"),
  };
}

/** False also when it can't be read, or something else is in its place. */
export function isEmptyFolder(path: string): boolean {
  try {
    return lstatSync(path).isDirectory() && readdirSync(path).length === 0;
  } catch {
    return false;
  }
}

/** Removes a folder with all in it, also where a task took the right to write from its own folders. */
export async function removeDirectory(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch {
    await openUp(path);
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function openUp(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (found === null || !found.isDirectory()) return;
  await chmod(path, 0o700);
  for (const name of await readdir(path)) await openUp(join(path, name));
}
