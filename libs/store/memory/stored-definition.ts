import type { DagView } from "#ports/dag-views.ts";
import type { NewVersion } from "#ports/definition-store.ts";
import type { StoredProblem } from "#ports/stored-problem.ts";

export interface StoredDag {
  readonly dagKey: number;
  readonly dagId: string;
  readonly registeredAt: number;
  activeVersionKey: number | null;
  filePath: string | null;
  isActive: boolean;
  isPaused: boolean;
  /** Failures before it don't pause the DAG again. */
  resumedAt: number;
  schedule: StoredSchedule | null;
}

export interface StoredSchedule {
  readonly text: string;
  readonly timezone: string;
  readonly rule: string;
  readonly registeredAt: number;
  readonly nextAt: number | null;
  /** Null: at `nextAt`. */
  readonly lookAt: number | null;
  readonly backlogEnd: number | null;
  readonly dropped: DagView["droppedSlots"];
}

export interface StoredVersion {
  readonly versionKey: number;
  readonly dag: StoredDag;
  readonly version: number;
  readonly content: NewVersion;
  readonly registeredAt: number;
}

export interface StoredImportError {
  readonly filePath: string;
  readonly hash: string;
  readonly problems: readonly StoredProblem[];
  readonly since: number;
}
