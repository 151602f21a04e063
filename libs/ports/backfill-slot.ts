import type { RunState } from "#core/states.ts";
import type { RunType } from "./new-run.ts";

/** The run that has a slot's date. */
export interface SlotRun {
  readonly runKey: number;
  readonly runId: string;
  readonly state: RunState;
  readonly endedAt: number | null;
  readonly runType: RunType;
  readonly externalTriggerId: string;
}

export interface WaitingSlot {
  readonly logicalAt: number;
  readonly run: SlotRun | null;
}

/** What became of a waiting slot; `active` names its run. */
export type SlotMark = { readonly logicalAt: number } & (
  | { readonly state: "active"; readonly runKey: number }
  | { readonly state: "left" | "refused"; readonly reason: string }
);
