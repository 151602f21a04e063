import type { CheckName } from "./check-catalog.ts";

/**
 * What became of a finding. `possible`: a repair is safe and was not asked for. `busy`: another process was writing the
 * run; the next round finds it again. `by_hand`: no repair is safe. `repaired`: it is as it should be now.
 */
export type FindingOutcome = "possible" | "repaired" | "busy" | "by_hand" | "failed";

/** One thing that is not as it should be, still so on a second look. */
export interface Finding {
  readonly check: CheckName;
  /** Of the run that it is about; null: about something else. */
  readonly dagRunId: string | null;
  /** What it is about: a run's id, or that of a DAG, queue, worker or lease; empty: the store as a whole. */
  readonly subject: string;
  /** How often within the subject. */
  readonly count: number;
  /** What is recorded and what follows, with the tasks, for the first few. */
  readonly detail: string;
  readonly outcome: FindingOutcome;
}
