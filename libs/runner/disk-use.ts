import type { Dirent } from "node:fs";
import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";

const blockBytes = 512;

/** What a folder holds; `isWhole` false: at least that, the walk ended at one of its bounds. */
export interface DiskUse {
  readonly bytes: number;
  readonly entries: number;
  readonly isWhole: boolean;
}

/**
 * What a folder with all in it takes on the disk, holes not counted and a file with several names once. The walk ends
 * early beyond either bound, and when the signal says so. What vanishes or can't be read meanwhile counts nothing.
 */
export async function measureDisk(
  folder: string,
  bounds: { readonly bytes: number; readonly entries: number; readonly signal: AbortSignal },
): Promise<DiskUse> {
  const waiting = [folder];
  const counted = new Set<string>();
  let bytes = 0;
  let entries = 0;
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for await (const entry of listEntries(path)) {
      const child = join(path, entry.name);
      if (entry.isDirectory()) waiting.push(child);
      entries += 1;
      bytes += await sizeOf(child, counted);
      if (bytes > bounds.bytes || entries > bounds.entries || bounds.signal.aborted)
        return { bytes, entries, isWhole: false };
    }
  }
  return { bytes, entries, isWhole: true };
}

async function* listEntries(path: string): AsyncGenerator<Dirent> {
  try {
    yield* await opendir(path);
  } catch {
    // Removed while it was read, or closed to us.
  }
}

async function sizeOf(path: string, counted: Set<string>): Promise<number> {
  try {
    const stats = await lstat(path);
    if (stats.nlink > 1 && !stats.isDirectory()) {
      const id = `${stats.dev}:${stats.ino}`;
      if (counted.has(id)) return 0;
      counted.add(id);
    }
    return stats.blocks * blockBytes;
  } catch {
    return 0;
  }
}
