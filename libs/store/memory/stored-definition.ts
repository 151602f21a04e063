import type { NewVersion, ScheduleRow } from "#ports/definition-store.ts";
import type { StoredProblem } from "#ports/stored-problem.ts";

export interface StoredDag {
  readonly dagKey: number;
  readonly dagId: string;
  readonly registeredAt: number;
  activeVersionKey: number | null;
  filePath: string | null;
  isActive: boolean;
  isPaused: boolean;
  schedule: (ScheduleRow & { readonly registeredAt: number }) | null;
}

export interface StoredVersion {
  readonly versionKey: number;
  readonly dag: StoredDag;
  readonly version: number;
  readonly content: NewVersion;
}

export interface StoredImportError {
  readonly filePath: string;
  readonly hash: string;
  readonly problems: readonly StoredProblem[];
  readonly since: number;
}
