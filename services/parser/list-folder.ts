import { createHash } from "node:crypto";
import type { BigIntStats, Dirent } from "node:fs";
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { describeError } from "#errors/app-error.ts";
import { isIgnoredName } from "./file-filter.ts";
import { mapLimited } from "./map-limited.ts";

export interface FoundFile {
  /** Relative to the root, with `/`. */
  readonly path: string;
  /** SHA-256 of the content, hex. */
  readonly hash: string;
}

/** A file, or a folder (its path ends with `/`), that can't be taken as it is. */
export interface RefusedPath {
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

/** One listing of the folder. */
export interface FolderListing {
  readonly files: readonly FoundFile[];
  readonly refused: readonly RefusedPath[];
  /** Folders whose content is unknown; the root is `./`. */
  readonly unreadable: readonly RefusedPath[];
}

/** Files that are read or looked at side by side. */
const parallelFiles = 16;
/** Folders below each other; deeper ones are refused. */
const maxDepth = 32;
/** Larger files are refused unread: no definition may be that large. */
const maxFileBytes = 2 * 1024 * 1024;
/** A file that changed so short a time before it was read may change again without its times telling. */
const settlingMs = 2000n;

/** Hashes by path, kept as long as size, times and inode stay the same. */
export type HashCache = Map<string, { readonly stamp: string; readonly hash: string }>;

interface Walk {
  readonly root: string;
  readonly realRoot: string;
  readonly matches: (filePath: string) => boolean;
  readonly files: string[];
  readonly refused: RefusedPath[];
  readonly unreadable: RefusedPath[];
}

/**
 * What the folder holds: the definition files with their hashes, what was refused, and folders that could not be read.
 * Hidden files and folders are left out, symbolic links are followed to files and only within the root. Never throws.
 */
export async function listFolder(options: {
  root: string;
  matches: (filePath: string) => boolean;
  cache: HashCache;
  /** Milliseconds since 1970 by the clock of the file system. */
  now?: () => number;
}): Promise<FolderListing> {
  const { root, matches, cache, now = Date.now } = options;
  const walk: Walk = { root, realRoot: root, matches, files: [], refused: [], unreadable: [] };
  try {
    await walkFolder({ ...walk, realRoot: await realpath(root) }, "", 0);
  } catch (thrown) {
    walk.unreadable.push({
      path: "./",
      code: "FOLDER_UNREADABLE",
      message: `can't read ${root}: ${describeError(thrown)}`,
    });
  }
  const hashed = await mapLimited(walk.files.sort(), parallelFiles, (filePath) =>
    hashFile({ root, filePath, cache, now }),
  );
  const files = hashed.filter((each): each is FoundFile => each !== null && "hash" in each);
  const refused = hashed.filter((each): each is RefusedPath => each !== null && "code" in each);
  const present = new Set(files.map((file) => file.path));
  for (const known of cache.keys()) if (!present.has(known)) cache.delete(known);
  return { files, refused: [...walk.refused, ...refused], unreadable: walk.unreadable };
}

async function walkFolder(walk: Walk, folder: string, depth: number): Promise<void> {
  if (depth > maxDepth) {
    walk.refused.push({
      path: `${folder}/`,
      code: "FOLDER_TOO_DEEP",
      message: `folders may be ${maxDepth} deep; move it up`,
    });
    return;
  }
  let entries: Dirent[];
  try {
    entries = await readdir(path.join(walk.root, folder), { withFileTypes: true });
  } catch (thrown) {
    if (folder === "") throw thrown;
    const message = `can't read the folder ${folder}: ${describeError(thrown)}`;
    walk.unreadable.push({ path: `${folder}/`, code: "FOLDER_UNREADABLE", message });
    return;
  }
  for (const entry of entries) {
    const entryPath = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!entry.name.startsWith(".")) await walkFolder(walk, entryPath, depth + 1);
    } else if (!isIgnoredName(entry.name) && walk.matches(entryPath)) {
      if (entry.isFile()) walk.files.push(entryPath);
      else if (entry.isSymbolicLink()) await followLink(walk, entryPath);
    }
  }
}

/** A link counts as a file if it leads to one within the root; a broken one is as if it were not there. */
async function followLink(walk: Walk, linkPath: string): Promise<void> {
  try {
    const target = await realpath(path.join(walk.root, linkPath));
    const isInside = target.startsWith(walk.realRoot + path.sep);
    if (isInside && (await stat(target)).isFile()) walk.files.push(linkPath);
    if (isInside) return;
  } catch (thrown) {
    if (isGone(thrown)) return;
  }
  const message = `${linkPath} is a symbolic link to outside the definitions folder; put the file itself there`;
  walk.refused.push({ path: linkPath, code: "LINK_OUTSIDE", message });
}

/** Null: the file is gone. */
async function hashFile(options: {
  root: string;
  filePath: string;
  cache: HashCache;
  now: () => number;
}): Promise<FoundFile | RefusedPath | null> {
  const { root, filePath, cache, now } = options;
  const fullPath = path.join(root, filePath);
  try {
    const facts = await stat(fullPath, { bigint: true });
    const stamp = stampOf(facts);
    const cached = cache.get(filePath);
    if (cached?.stamp === stamp) return { path: filePath, hash: cached.hash };
    if (facts.size > maxFileBytes) {
      const message = `${filePath} has ${facts.size} bytes; a definition may have 1 MiB`;
      return { path: filePath, code: "FILE_TOO_LARGE", message };
    }
    const hash = hashContent(await readFile(fullPath));
    const hasSettled = BigInt(now()) - facts.ctimeMs > settlingMs;
    if (hasSettled) cache.set(filePath, { stamp, hash });
    else cache.delete(filePath);
    return { path: filePath, hash };
  } catch (thrown) {
    if (isGone(thrown)) return null;
    return { path: filePath, code: "FILE_UNREADABLE", message: `can't read ${filePath}: ${describeError(thrown)}` };
  }
}

/** SHA-256 of a file's content, hex. */
export function hashContent(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

function stampOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(":");
}

function isGone(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && (thrown.code === "ENOENT" || thrown.code === "ENOTDIR");
}
