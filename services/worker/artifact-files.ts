import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";
import { artifactLimits } from "#artifacts/artifact-limits.ts";
import { findNameProblem } from "#artifacts/artifact-name.ts";
import { describeError } from "#errors/app-error.ts";

/** A file that an attempt has left. */
export interface ArtifactFile {
  /** Relative, with `/`, in Unicode's form NFC. */
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
}

export interface FoundArtifacts {
  readonly files: readonly ArtifactFile[];
  /** One sentence for each thing that is not kept. */
  readonly notes: readonly string[];
}

/** So many sentences are enough to see what is wrong. */
const maxNotes = 20;
/** Folders and files that are looked at. */
const maxEntries = 10_000;

/**
 * The files below a folder, in the order of their names. What is no file of its own (links, pipes, devices), too large, or
 * named in a way that others could not read is left out with a note; beyond the limit of files only the first are kept.
 */
export async function findArtifacts(directory: string): Promise<FoundArtifacts> {
  const walk = new Walk();
  await walk.folder(directory, "");
  const files = walk.files.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const notes = walk.notes.slice(0, maxNotes);
  if (walk.notes.length > maxNotes) notes.push(`${walk.notes.length - maxNotes} more were not kept for such reasons`);
  const { files: limit } = artifactLimits;
  if (files.length > limit)
    notes.push(`of ${files.length} artifacts only the first ${limit} are kept: put them into an archive`);
  return { files: files.slice(0, limit), notes };
}

class Walk {
  readonly files: ArtifactFile[] = [];
  readonly notes: string[] = [];
  readonly #names = new Set<string>();
  #entries = 0;

  async folder(path: string, prefix: string): Promise<void> {
    try {
      // A task may have put a link, or nothing, in the folder's place.
      if (!(await lstat(path)).isDirectory()) return this.#leaveOut(prefix, "is no folder");
      for await (const entry of await opendir(path)) {
        this.#entries += 1;
        if (this.#entries === maxEntries)
          this.notes.push(`more than ${maxEntries} artifacts: the rest was not looked at`);
        if (this.#entries >= maxEntries) return;
        await this.#entry(join(path, entry.name), `${prefix}${entry.name}`);
      }
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
      this.#leaveOut(prefix, `can't be read: ${describeError(error)}`);
    }
  }

  async #entry(path: string, given: string): Promise<void> {
    const name = given.normalize("NFC");
    const problem = findNameProblem(name);
    if (problem !== null) return this.#leaveOut(given, problem);
    const found = await lstat(path);
    if (found.isDirectory()) return this.folder(path, `${given}/`);
    if (!found.isFile()) return this.#leaveOut(given, "is a link, a pipe or a device");
    if (found.size > artifactLimits.fileBytes)
      return this.#leaveOut(given, `has ${found.size} bytes; at most ${artifactLimits.fileBytes} are kept`);
    if (this.#names.has(name)) return this.#leaveOut(given, "has the name of another one, written otherwise");
    this.#names.add(name);
    this.files.push({ name, path, sizeBytes: found.size });
  }

  #leaveOut(name: string, why: string): void {
    this.notes.push(`the artifact ${JSON.stringify(name)} is not kept: it ${why}`);
  }
}
