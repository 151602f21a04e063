import { opendir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { StoredFile } from "#ports/artifact-store.ts";
import { isLocation } from "./stored-content.ts";

/** The files below a folder, one folder in memory at a time. One that goes away meanwhile is left out. */
export async function* listDirectory(root: string, folder = ""): AsyncGenerator<StoredFile> {
  const entries = await opendir(join(root, folder)).catch(nullIfGone);
  if (entries === null) return;
  for await (const entry of entries) {
    const location = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (!isLocation(location)) continue;
    if (entry.isDirectory()) yield* listDirectory(root, location);
    else if (entry.isFile()) {
      const found = await stat(join(root, location)).catch(nullIfGone);
      if (found !== null) yield { location, modifiedAt: found.mtimeMs };
    }
  }
}

function nullIfGone(error: unknown): null {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
  throw error;
}
