import { lstatSync, mkdirSync, opendirSync, readdirSync, renameSync, rmdirSync, unlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { type AttemptDirectories, privateFileMode, removeDirectory } from "./attempt-directories.ts";

/** Directories that are kept at one time; the bound of a folder that nobody else looks after. */
const maxSpares = 64;
/** What an attempt may leave in a folder that is kept; more is removed elsewhere, since it takes longer. */
const maxLeft = 64;
const privateMode = 0o700;
const maxNoteBytes = 4096;
const modeBits = 0o7777;
/** A folder that once held many files stays large on some file systems, others tell no blocks; beyond this it is not kept. */
const maxFolderBytes = 64 * 1024;
const blockBytes = 512;

/**
 * Empty directories of attempts that have ended, for later ones. To make and remove the five folders of an attempt takes
 * 5 to 10 ms on ext4, to rename them 30 µs. Only those are kept that are as they were made.
 */
export interface SpareDirectories {
  /** Puts empty folders in the attempt's place. False: there are none. */
  readonly take: (directories: AttemptDirectories) => boolean;
  /** Empties the attempt's folders and puts them aside. False: they are still there, and part of what they held is not. */
  readonly keep: (directories: AttemptDirectories) => boolean;
}

/** Keeps them below the data directory, where it removes those of an earlier runner. */
export function openSpareDirectories(dataDir: string): SpareDirectories {
  const root = join(dataDir, "spare");
  const spares: string[] = [];
  let count = 0;
  succeeds(() => {
    mkdirSync(root, { recursive: true, mode: privateMode });
    for (const name of readdirSync(root)) void removeDirectory(join(root, name)).catch(() => undefined);
  });
  return {
    take: ({ base }) => {
      const spare = spares.pop();
      return spare !== undefined && succeeds(() => renameSync(spare, base));
    },
    keep: (directories) => {
      if (spares.length >= maxSpares) return false;
      count += 1;
      const spare = join(root, `${process.pid}-${count}`);
      const isKept = succeeds(() => {
        restore(directories);
        renameSync(directories.base, spare);
      });
      if (isKept) spares.push(spare);
      return isKept;
    },
  };
}

/**
 * Leaves the empty folders alone, with the empty output file and the note of the cgroup, which the next attempt writes
 * over: some file systems (ext4) take the longer for a new file the more were removed in the last seconds. Throws when
 * something is not as it was made.
 */
function restore({ base, work, temporary, artifacts, code, outputFile, cgroupNote }: AttemptDirectories): void {
  const { dev } = lstatSync(base);
  const folders = [base, work, temporary, artifacts, code];
  for (const folder of folders) checkFolder(folder, dev);
  for (const folder of [work, temporary, artifacts, code]) emptySmallFolder(folder);
  const kept = new Set(folders.map((folder) => basename(folder)));
  for (const name of readdirSync(base)) {
    const path = join(base, name);
    const isReused = (path === outputFile && isOurs(path, 0)) || (path === cgroupNote && isOurs(path, maxNoteBytes));
    if (!isReused && !kept.has(name)) unlinkSync(path);
  }
}

/** Throws unless it is a private folder of this user, small, and nothing is mounted there. */
function checkFolder(folder: string, device: number): void {
  const stats = lstatSync(folder);
  const isOurs = stats.isDirectory() && stats.uid === process.geteuid?.() && (stats.mode & modeBits) === privateMode;
  if (!isOurs || stats.dev !== device || Math.max(stats.size, stats.blocks * blockBytes) > maxFolderBytes)
    throw new Error(`${folder} is not as it was made`);
}

/** A small private file that is nowhere else and leads nowhere else: what is written to it stays there. */
function isOurs(path: string, maxBytes: number): boolean {
  const stats = lstatSync(path);
  const isPrivate = stats.uid === process.geteuid?.() && (stats.mode & modeBits) === privateFileMode;
  return stats.isFile() && stats.nlink === 1 && isPrivate && stats.size <= maxBytes;
}

/** Most are empty, which one read tells; the folder is small itself, so that it holds little. */
function emptySmallFolder(path: string): void {
  if (readdirSync(path).length > 0) emptyFolder(path, { left: maxLeft });
}

function emptyFolder(path: string, budget: { left: number }): void {
  const folder = opendirSync(path);
  try {
    for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
      budget.left -= 1;
      if (budget.left < 0) throw new Error(`${path} holds too much`);
      const child = join(path, entry.name);
      if (entry.isDirectory()) {
        emptyFolder(child, budget);
        rmdirSync(child);
      } else unlinkSync(child);
    }
  } finally {
    folder.closeSync();
  }
}

function succeeds(action: () => void): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}
