import type { ArtifactStore } from "#ports/artifact-store.ts";
import type { Store } from "#ports/store.ts";
import type { Finding } from "./finding.ts";

/** A file is noted before its first byte is stored, and listed within a day: beyond this nobody is about to make it known. */
const marginMs = 172_800_000;
const filesPerBatch = 500;
/** The longest look at a store; what is behind it is not looked at. */
const longestLookMs = 30_000;

/** As files of attempts are placed: run, ordinal, generation and try, a name of its own. */
const attemptFile = /^\d{1,18}\/\d{1,9}\/\d{1,9}\.\d{1,9}\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface StrayFilesOptions {
  readonly store: Pick<Store, "retention">;
  readonly artifacts: ArtifactStore;
}

/**
 * Files of attempts that no row knows, as after the database was restored from a backup. `remove` notes them for removal,
 * which the retention loop does. Rejects when the store is away.
 */
export async function checkStrayFiles(
  { store: { retention }, artifacts }: StrayFilesOptions,
  { remove, signal }: { readonly remove: boolean; readonly signal: AbortSignal },
): Promise<readonly Finding[]> {
  // Stores tell the time of the wall, which a file's age goes by.
  const startedAt = Date.now();
  const unknown = { count: 0, example: "" };
  let batch: string[] = [];
  let isWhole = true;
  const judge = async (): Promise<void> => {
    const found = await retention.findUnknownFiles(batch);
    if (remove) await retention.noteFiles(found);
    unknown.count += found.length;
    unknown.example ||= found[0] ?? "";
    batch = [];
  };
  for await (const { location, modifiedAt } of artifacts.list()) {
    signal.throwIfAborted();
    if (attemptFile.test(location) && modifiedAt < startedAt - marginMs) batch.push(location);
    if (batch.length === filesPerBatch) await judge();
    isWhole = Date.now() - startedAt < longestLookMs;
    if (!isWhole) break;
  }
  await judge();
  const found =
    unknown.count === 0
      ? []
      : [`${unknown.count} files older than 2 days that no row knows, such as ${unknown.example}`];
  const rest = isWhole ? [] : [`there are more files than can be looked at in ${longestLookMs / 1000} s`];
  const detail = [...found, ...rest].join("; ");
  if (detail === "") return [];
  const outcome = remove && unknown.count > 0 ? "repaired" : "by_hand";
  return [{ check: "files_unknown", dagRunId: null, subject: "", count: unknown.count, detail, outcome }];
}
