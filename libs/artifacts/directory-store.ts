import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { access, type FileHandle, mkdir, open, readdir, rename, rm, rmdir, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ArtifactStore, ByteRange } from "#ports/artifact-store.ts";
import { listDirectory } from "./list-directory.ts";
import { assertLocation, sized, toStoreError } from "./stored-content.ts";

/** Files that are not whole yet; no location begins with a dot. */
const incoming = ".incoming";
/** What a process that died has left there is removed after this time. */
const staleMs = 24 * 60 * 60 * 1000;
const bytesPerRead = 256 * 1024;
/** Others may remove the folder of a file that is about to come, so often. */
const maxMoves = 10;

/** Artifacts as files of a folder, which all that use it share. A file is there whole or not at all. */
export function createDirectoryStore(directory: string): ArtifactStore {
  const failed = (error: unknown) => toStoreError(error, `the folder of artifacts ${directory} can't be used`);
  let prepared: Promise<void> | null = null;
  const prepareOnce = (): Promise<void> => {
    prepared ??= prepare(directory).catch((error: unknown) => {
      prepared = null;
      throw error;
    });
    return prepared;
  };
  return {
    async write(location, content, size) {
      assertLocation(location);
      const draft = join(directory, incoming, randomUUID());
      try {
        await prepareOnce();
        await writeFile(draft, sized(content, size));
        const path = join(directory, location);
        await moveInto(draft, path);
        await syncFolder(dirname(path));
      } catch (error) {
        await rm(draft, { force: true }).catch(() => undefined);
        throw failed(error);
      }
    },
    async read(location, range) {
      assertLocation(location);
      try {
        const path = join(directory, location);
        return (await exists(path)) ? readFile(path, range) : null;
      } catch (error) {
        throw failed(error);
      }
    },
    async remove(location) {
      assertLocation(location);
      try {
        await unlink(join(directory, location)).catch((error: unknown) => assertWritable(directory, error));
        await removeEmptyFolders(directory, dirname(location));
      } catch (error) {
        throw failed(error);
      }
    },
    async *list(after = "") {
      try {
        yield* listDirectory(directory, after);
      } catch (error) {
        throw failed(error);
      }
    },
  };
}

async function prepare(directory: string): Promise<void> {
  const folder = join(directory, incoming);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of await readdir(folder)) {
    const found = await stat(join(folder, name)).catch(() => null);
    if (found !== null && found.mtimeMs < Date.now() - staleMs) await rm(join(folder, name), { force: true });
  }
}

/** The folder may be removed, empty as it is, before the file is in it. */
async function moveInto(draft: string, path: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      return await rename(draft, path);
    } catch (error) {
      if (tries === maxMoves || !isCode(error, "ENOENT")) throw error;
    }
  }
}

/** Where nothing is there to be removed it still tells a folder that would let nothing be, or that is not mounted. */
async function assertWritable(directory: string, error: unknown): Promise<void> {
  if (!isCode(error, "ENOENT")) throw error;
  await access(directory, constants.W_OK);
}

/** From the innermost outwards, up to the first that holds something. */
async function removeEmptyFolders(directory: string, folder: string): Promise<void> {
  for (let inner = folder; inner !== "."; inner = dirname(inner)) {
    const isRemoved = await rmdir(join(directory, inner)).then(
      () => true,
      (error: unknown) => {
        if (isCode(error, "ENOENT")) return true;
        if (isCode(error, "ENOTEMPTY") || isCode(error, "EEXIST")) return false;
        throw error;
      },
    );
    if (!isRemoved) return;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

async function writeFile(path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    for await (const piece of content) await writeAll(file, piece);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function writeAll(file: FileHandle, piece: Uint8Array): Promise<void> {
  for (let done = 0; done < piece.length; ) done += (await file.write(piece, done)).bytesWritten;
}

/** Makes the new name durable where folders can be synced. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY).catch(() => null);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (isCode(error, "ENOENT")) return false;
    throw error;
  }
}

/** Opens the file when its first byte is taken, so that nothing is open for an answer that nobody reads. */
async function* readFile(path: string, range: ByteRange | undefined): AsyncGenerator<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const end = range?.end ?? Number.POSITIVE_INFINITY;
    let at = range?.start ?? 0;
    while (at < end) {
      const buffer = Buffer.allocUnsafe(Math.min(bytesPerRead, end - at));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
