import type { RunState } from "#core/states.ts";
import type { DroppedSlots } from "./schedule-store.ts";
import type { StoredProblem } from "./stored-problem.ts";

export interface DagView {
  readonly dagKey: number;
  readonly dagId: string;
  readonly description: string;
  readonly owner: string;
  readonly tags: readonly string[];
  readonly scheduleText: string;
  readonly timezone: string;
  readonly isActive: boolean;
  readonly isPaused: boolean;
  readonly version: number;
  readonly filePath: string | null;
  readonly fileHash: string;
  readonly registeredAt: number;
  readonly nextAt: number | null;
  /** The slots that last became no run, and how many did so in all; null: none so far. */
  readonly droppedSlots: (DroppedSlots & { readonly at: number; readonly totalCount: number }) | null;
  readonly definition: unknown;
  readonly lastRun: {
    readonly runId: string;
    readonly logicalAt: number;
    readonly state: RunState;
    readonly durationMs: number | null;
  } | null;
  /** The import error of its file, when the newest content is broken. */
  readonly problems: readonly StoredProblem[];
}

export interface ImportErrorView {
  readonly filePath: string;
  readonly since: number;
  readonly problems: readonly StoredProblem[];
}
