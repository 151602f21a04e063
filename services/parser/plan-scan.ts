import type { KnownFile } from "#ports/definition-store.ts";
import type { FolderListing, FoundFile, RefusedPath } from "./list-folder.ts";

/** A file whose id another one has. */
export interface TakenId {
  readonly dagId: string;
  /** The file that is in force. */
  readonly owner: string;
}

/** What one scan leaves for the next. */
export interface ScanMemory {
  /** Known files that the last listing did not have. */
  readonly missing: ReadonlySet<string>;
  /** Files that lost their id to another, whether or not an error says so already. */
  readonly taken: ReadonlyMap<string, TakenId>;
  /** Files with an error that are tried again though they have not changed: after a start, as the rules may have. */
  readonly retry: ReadonlySet<string>;
}

export type ScanAction =
  | { readonly kind: "archive"; readonly path: string }
  | { readonly kind: "clear_error"; readonly path: string }
  | { readonly kind: "record_error"; readonly refused: RefusedPath }
  | { readonly kind: "register"; readonly path: string };

export interface ScanPlan {
  /** In the order in which to apply them. */
  readonly actions: readonly ScanAction[];
  readonly missing: ReadonlySet<string>;
  /** Why nothing may be archived now; null: the folder is fine. */
  readonly degraded: string | null;
}

/** The root as a path with problems. */
const rootPath = "./";

/** An empty folder is believed if it lost one file; if it lost so many at once, it is taken for a lost volume. */
const minVanished = 2;

/**
 * What to do about a listing of the folder, given what the store knows: of each file the content that was last looked
 * at, in force or not.
 *
 * 1. Content is registered when it is not the one last looked at; a broken one is tried again when the owner of its id
 *    is gone, and once after a start. Registering removes the file's error.
 * 2. A file that is gone is archived when two listings without any error lack it.
 * 3. If a folder can't be read, or all of two or more files are gone at once, nothing is archived: the definitions stay
 *    in force, and an error in the folder's name says why, until it is well again.
 */
export function planScan(known: readonly KnownFile[], listing: FolderListing, memory: ScanMemory): ScanPlan {
  const knownByPath = new Map(known.map((file) => [file.filePath, file]));
  const inForceCount = known.filter((file) => file.isActive).length;
  const present = new Set([...listing.files, ...listing.refused].map((each) => each.path));
  const gone = known.filter((file) => !file.filePath.endsWith("/") && !present.has(file.filePath));

  const hasVanished = present.size === 0 && inForceCount >= minVanished && listing.unreadable.length === 0;
  const folderProblems = hasVanished ? [vanished(inForceCount)] : listing.unreadable;
  const isTrusted = folderProblems.length === 0;
  const confirmed = isTrusted ? gone.filter((file) => memory.missing.has(file.filePath)) : [];
  const archived = new Set(confirmed.map((file) => file.filePath));
  const problems = [...folderProblems, ...listing.refused];
  const problemPaths = new Set(problems.map((problem) => problem.path));

  const isOwned = ({ dagId, owner }: TakenId): boolean =>
    !archived.has(owner) && knownByPath.get(owner)?.dagId === dagId;
  const mustRegister = ({ path, hash }: FoundFile): boolean => {
    const taken = memory.taken.get(path);
    if (taken !== undefined && !isOwned(taken)) return true;
    return knownByPath.get(path)?.hash !== hash || memory.retry.has(path);
  };
  return {
    actions: [
      ...confirmed.map(({ filePath, isActive }) => action(isActive ? "archive" : "clear_error", filePath)),
      ...known
        .filter(({ filePath }) => filePath.endsWith("/") && !problemPaths.has(filePath))
        .map(({ filePath }) => action("clear_error", filePath)),
      ...problems
        .filter((refused) => knownByPath.get(refused.path)?.hash !== problemHash(refused))
        .map((refused): ScanAction => ({ kind: "record_error", refused })),
      ...listing.files.filter(mustRegister).map(({ path }) => action("register", path)),
    ],
    missing: isTrusted
      ? new Set(gone.map((file) => file.filePath).filter((filePath) => !archived.has(filePath)))
      : memory.missing,
    degraded: folderProblems[0]?.message ?? null,
  };
}

function action(kind: "archive" | "clear_error" | "register", path: string): ScanAction {
  return { kind, path };
}

/** Stands for the content of what could not be read, so that one refusal is recorded once. */
export function problemHash({ code, message }: RefusedPath): string {
  return `${code}: ${message}`;
}

function vanished(count: number): RefusedPath {
  return {
    path: rootPath,
    code: "FOLDER_EMPTIED",
    message: `all ${count} definition files are gone at once; their DAGs stay in force; put one file back and the others are archived`,
  };
}
