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

export interface ScheduleRow {
  /** As written, for people. */
  readonly text: string;
  readonly timezone: string;
  /** Null: it will not fire again. */
  readonly nextAt: number | null;
}

export type RegisterResult =
  | { readonly kind: "registered"; readonly dagKey: number; readonly version: number; readonly changed: boolean }
  /** Another file has this id and stays in force. */
  | { readonly kind: "taken"; readonly filePath: string };

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

export interface DueSchedule {
  readonly dagKey: number;
  readonly dagId: string;
  readonly versionKey: number;
  readonly definition: unknown;
  /** The slot to run: its logical date. */
  readonly dueAt: number;
  readonly registeredAt: number;
}

export interface StoredVersion {
  readonly dagId: string;
  readonly version: number;
  /** Its file's path in the folder of definitions; null for a push. */
  readonly filePath: string | null;
  readonly definition: unknown;
}

/** Definitions, versions and import errors. Registering is all or nothing. */
export interface DefinitionStore {
  register(version: NewVersion): Promise<RegisterResult>;
  recordImportError(filePath: string, hash: string, problems: readonly StoredProblem[]): Promise<void>;
  clearImportError(filePath: string): Promise<void>;
  /** The file is gone: its DAG leaves the schedule, history stays. */
  archiveFile(filePath: string): Promise<void>;
  setPaused(dagId: string, isPaused: boolean): Promise<boolean>;
  getActive(dagId: string): Promise<ActiveDefinition | null>;
  getVersion(versionKey: number): Promise<StoredVersion | null>;
  listKnownFiles(): Promise<readonly KnownFile[]>;
  /** Active, unpaused schedules with `nextAt` reached by the database clock, earliest first. */
  listDueSchedules(limit: number): Promise<readonly DueSchedule[]>;
  /** Moves a schedule on; refused (false) if it was moved meanwhile or `epoch` no longer leads. */
  advanceSchedule(options: { dagKey: number; from: number; to: number | null; epoch: number }): Promise<boolean>;
  nextScheduleInMs(): Promise<number | null>;
}
