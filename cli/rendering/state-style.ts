import type { RunState, TaskState } from "#core/states.ts";
import type { Color } from "./paint.ts";

/** How a state looks: icon, word and color always together, so that none of them carries the meaning alone. */
export interface StateStyle {
  /** One column wide. */
  readonly icon: string;
  readonly word: string;
  readonly color: Color;
  readonly struck?: true;
}

export const taskStateStyles: Readonly<Record<TaskState, StateStyle>> = {
  none: { icon: "◌", word: "none", color: "white" },
  queued: { icon: "◷", word: "queued", color: "gray" },
  running: { icon: "◐", word: "running", color: "blue" },
  success: { icon: "✓", word: "success", color: "green" },
  failed: { icon: "✗", word: "failed", color: "red" },
  up_for_retry: { icon: "↻", word: "up_for_retry", color: "violet" },
  upstream_failed: { icon: "⚠", word: "upstream_failed", color: "orange" },
  skipped: { icon: "↷", word: "skipped", color: "yellow" },
  removed: { icon: "⊘", word: "removed", color: "light_gray", struck: true },
};

export const runStateStyles: Readonly<Record<RunState, StateStyle>> = {
  queued: taskStateStyles.queued,
  running: taskStateStyles.running,
  success: taskStateStyles.success,
  failed: taskStateStyles.failed,
  up_for_retry: taskStateStyles.up_for_retry,
  cancelled: { icon: "■", word: "cancelled", color: "dark_gray" },
};

const spinnerFrames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"] as const;

/** The icon of a running task in a live view, by time; a still list shows `taskStateStyles.running.icon`. */
export function spinnerFrame(atMs: number): string {
  return spinnerFrames[Math.floor(atMs / 100) % spinnerFrames.length] ?? spinnerFrames[0];
}
