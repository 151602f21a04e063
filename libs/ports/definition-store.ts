import type { ScheduleRow, ScheduleStore } from "./schedule-store.ts";
import type { StoredProblem } from "./stored-problem.ts";

/** A checked definition to register; `definition` is its normal form as JSON. */
export interface NewVersion {
  readonly dagId: string;
  /** The definition's path in its folder; null for a push. */
  readonly filePath: string | null;
  readonly source: "file" | "api";
  readonly text: string;
  /** SHA-256 of the text, hex. */
  readonly hash: string;
  readonly definition: unknown;
  readonly description: string;
  readonly owner: string;
  readonly tags: readonly string[];
  /** Null: manual only. */
  readonly schedule: ScheduleRow | null;
}

export type RegisterResult =
  | { readonly kind: "registered"; readonly dagKey: number; readonly version: number; readonly changed: boolean }
  /** Another file has this id and stays in force. */
  | { readonly kind: "taken"; readonly filePath: string }
  /** Another DAG in force has a webhook of this name; `filePath` null: it was pushed. */
  | { readonly kind: "hook_taken"; readonly hook: string; readonly dagId: string; readonly filePath: string | null };

export type ArchiveResult =
  | { readonly kind: "archived"; readonly changed: boolean }
  /** Nothing was done: it is in force by this file. */
  | { readonly kind: "has_file"; readonly filePath: string }
  | { readonly kind: "unknown" };

export interface ActiveDefinition {
  readonly dagKey: number;
  readonly dagId: string;
  readonly versionKey: number;
  readonly version: number;
  readonly isActive: boolean;
  readonly isPaused: boolean;
  readonly definition: unknown;
}

export interface KnownFile {
  readonly filePath: string;
  readonly hash: string;
  readonly dagId: string | null;
  /** Null: the file has an import error. */
  readonly isActive: boolean;
}

export interface StoredVersion {
  readonly dagId: string;
  readonly version: number;
  /** Its file's path in the folder of definitions; null for a push. */
  readonly filePath: string | null;
  readonly definition: unknown;
}

/** Definitions, versions and import errors. Registering is all or nothing. */
export interface DefinitionStore extends ScheduleStore {
  register(version: NewVersion): Promise<RegisterResult>;
  /**
   * Registers versions of different ids and files, each all or nothing, in fewer steps: those with webhooks after the
   * others. The results come in the order of the versions. Throws when one of them can't be stored: then some may be in
   * force, and the same again is harmless.
   */
  registerAll(versions: readonly NewVersion[]): Promise<readonly RegisterResult[]>;
  recordImportError(filePath: string, hash: string, problems: readonly StoredProblem[]): Promise<void>;
  clearImportError(filePath: string): Promise<void>;
  /** The file is gone: its DAG leaves the schedule, history stays. */
  archiveFile(filePath: string): Promise<void>;
  /** Takes a DAG out of force; one that has a file only if that is `goneFile`, which the caller knows to be gone. */
  archiveDag(dagId: string, goneFile: string | null): Promise<ArchiveResult>;
  setPaused(dagId: string, isPaused: boolean): Promise<boolean>;
  getActive(dagId: string): Promise<ActiveDefinition | null>;
  getVersion(versionKey: number): Promise<StoredVersion | null>;
  /** The id of the DAG in force that has a webhook of this name. */
  findHook(name: string): Promise<string | null>;
  listKnownFiles(): Promise<readonly KnownFile[]>;
}
