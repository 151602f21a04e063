import { createHash } from "node:crypto";
import { createReadStream, type Dirent } from "node:fs";
import { opendir, stat } from "node:fs/promises";
import { join } from "node:path";
import { AppError, describeError } from "#errors/app-error.ts";

/** A file as a look sees it. */
export interface SeenFile {
  /** Below the folder, with `/`. */
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
}

/** Entries of a folder that are looked at, those that the pattern leaves out too. */
const maxEntries = 100_000;

/** The database's index of what is remembered takes no longer ones. */
const maxPathBytes = 2000;

/**
 * The files of a folder that the pattern means, one after the other, so that a slow file system holds one of the
 * process's few file threads at most. Links to files are followed, links to folders are not. Throws SENSOR_FAILED.
 */
export async function listFiles(
  directory: string,
  options: { readonly isRecursive: boolean; readonly matches: (path: string) => boolean; readonly signal: AbortSignal },
): Promise<readonly SeenFile[]> {
  const found: SeenFile[] = [];
  const folders = [""];
  let entries = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for await (const entry of entriesOf(directory, folder)) {
      options.signal.throwIfAborted();
      entries += 1;
      if (entries > maxEntries) {
        throw failure(`${directory} has more than ${maxEntries} entries; watch a smaller folder`);
      }
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && options.isRecursive) folders.push(path);
      const mayBeFile = entry.isFile() || entry.isSymbolicLink();
      if (!mayBeFile || !options.matches(path)) continue;
      if (Buffer.byteLength(path) > maxPathBytes) {
        throw failure(`the path ${path.slice(0, 100)}… has more than ${maxPathBytes} bytes; watch a folder within`);
      }
      const file = await seeFile(directory, path);
      if (file !== null) found.push(file);
    }
  }
  return found;
}

/** A folder within may go while it is read; the folder itself must be there: an empty one means something else. */
async function* entriesOf(directory: string, folder: string): AsyncGenerator<Dirent> {
  try {
    yield* await opendir(join(directory, folder));
  } catch (cause) {
    if (folder !== "" && isGone(cause)) return;
    if (isGone(cause)) throw failure(`there is no folder ${directory} where the scheduler runs`);
    throw failure(`the folder ${join(directory, folder)} can't be read: ${describeError(cause)}`);
  }
}

/** Null: it went meanwhile, or is no file. */
async function seeFile(directory: string, path: string): Promise<SeenFile | null> {
  try {
    const found = await stat(join(directory, path));
    return found.isFile() ? { path, size: found.size, mtimeMs: Math.floor(found.mtimeMs) } : null;
  } catch (cause) {
    if (isGone(cause)) return null;
    throw failure(`${join(directory, path)} can't be looked at: ${describeError(cause)}`);
  }
}

/** SHA-256 of a file's content, hex; null: it can't be read, or is gone. */
export async function hashFile(path: string, signal: AbortSignal): Promise<string | null> {
  try {
    const hash = createHash("sha256");
    for await (const piece of createReadStream(path, { signal }) as AsyncIterable<Buffer>) hash.update(piece);
    return hash.digest("hex");
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

function isGone(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ENOTDIR");
}

function failure(message: string): AppError {
  return new AppError("SENSOR_FAILED", message);
}
