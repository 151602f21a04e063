import { opendir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { StoredFile } from "#ports/artifact-store.ts";
import { isLocation } from "./stored-content.ts";

/** So many names of a folder are kept in memory; a larger one is read again for the next ones. */
const defaultNamesAtOnce = 20_000;

interface Entry {
  readonly name: string;
  readonly isFolder: boolean;
}

/**
 * The files below a folder that come after a location, by the order of names, folder by folder. One that goes away
 * meanwhile is left out.
 */
export async function* listDirectory(
  root: string,
  after: string,
  { folder = "", namesAtOnce = defaultNamesAtOnce } = {},
): AsyncGenerator<StoredFile> {
  const [first = "", ...rest] = after.split("/");
  let from: string | null = first;
  while (from !== null) {
    const { entries, next }: Names = await readNames(join(root, folder), from, namesAtOnce);
    for (const { name, isFolder } of entries) {
      const location = folder === "" ? name : `${folder}/${name}`;
      const behind = name === first ? rest.join("/") : "";
      if (isFolder) yield* listDirectory(root, behind, { folder: location, namesAtOnce });
      else if (name !== first) {
        const found = await stat(join(root, location)).catch(nullIfGone);
        if (found !== null) yield { location, modifiedAt: found.mtimeMs };
      }
    }
    from = next;
  }
}

interface Names {
  readonly entries: readonly Entry[];
  /** Null: these are the last. */
  readonly next: string | null;
}

/** The first names of a folder from one on. */
async function readNames(path: string, from: string, namesAtOnce: number): Promise<Names> {
  const folder = await opendir(path).catch(nullIfGone);
  const entries: Entry[] = [];
  let isCut = false;
  for await (const entry of folder ?? []) {
    if (entry.name < from || !isLocation(entry.name) || !(entry.isDirectory() || entry.isFile())) continue;
    entries.push({ name: entry.name, isFolder: entry.isDirectory() });
    if (entries.length < 2 * namesAtOnce) continue;
    entries.sort(byName).splice(namesAtOnce);
    isCut = true;
  }
  entries.sort(byName);
  isCut ||= entries.length > namesAtOnce;
  entries.splice(namesAtOnce);
  // No name comes between a name and itself with the lowest character behind it.
  return { entries, next: isCut ? `${entries.at(-1)?.name ?? ""}\0` : null };
}

function byName(one: Entry, other: Entry): number {
  return one.name < other.name ? -1 : 1;
}

function nullIfGone(error: unknown): null {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
  throw error;
}
