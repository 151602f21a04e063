import type { ArtifactStore } from "#ports/artifact-store.ts";
import type { Store } from "#ports/store.ts";
import type { Finding } from "./finding.ts";

/** A file is noted before its first byte is stored, and listed within a day: beyond this nobody is about to make it known. */
const marginMs = 172_800_000;
const filesPerBatch = 500;
/** The longest look at a store at once; the next one goes on from there. */
const longestLookMs = 30_000;

/** As files of attempts are placed: run, ordinal, generation and try, a name of its own. */
const attemptFile = /^\d{1,18}\/\d{1,9}\/\d{1,9}\.\d{1,9}\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface StrayFilesOptions {
  readonly store: Pick<Store, "retention">;
  readonly artifacts: ArtifactStore;
  /** How long it looks at once. */
  readonly lookMs?: number;
}

export interface StrayFilesRequest {
  /** Looks at what comes after this location; empty: from the beginning. */
  readonly after: string;
  readonly remove: boolean;
  readonly signal: AbortSignal;
}

export interface FilesLook {
  readonly findings: readonly Finding[];
  readonly checkedFiles: number;
  /** The last location that it looked at, where the next look goes on; null: there are no more. */
  readonly next: string | null;
}

/**
 * Files of attempts that no row knows, as after the database was restored from a backup. `remove` notes them for removal,
 * which the retention loop does. Rejects when the store is away.
 */
export async function checkStrayFiles(
  { store: { retention }, artifacts, lookMs = longestLookMs }: StrayFilesOptions,
  { after, remove, signal }: StrayFilesRequest,
): Promise<FilesLook> {
  // Stores tell the time of the wall, which a file's age goes by.
  const startedAt = Date.now();
  const unknown = { count: 0, example: "" };
  let batch: string[] = [];
  let checkedFiles = 0;
  let next: string | null = null;
  const judge = async (): Promise<void> => {
    const found = await retention.findUnknownFiles(batch);
    if (remove) await retention.noteFiles(found);
    unknown.count += found.length;
    unknown.example ||= found[0] ?? "";
    batch = [];
  };
  for await (const { location, modifiedAt } of artifacts.list(after)) {
    signal.throwIfAborted();
    checkedFiles += 1;
    if (attemptFile.test(location) && modifiedAt < startedAt - marginMs) batch.push(location);
    if (batch.length === filesPerBatch) await judge();
    next = Date.now() - startedAt < lookMs ? null : location;
    if (next !== null) break;
  }
  await judge();
  const { count, example } = unknown;
  if (count === 0) return { findings: [], checkedFiles, next };
  const detail = `${count} files older than 2 days that no row knows, such as ${example}`;
  const outcome = remove ? "repaired" : "by_hand";
  const finding: Finding = { check: "files_unknown", dagRunId: null, subject: "", count, detail, outcome };
  return { findings: [finding], checkedFiles, next };
}
