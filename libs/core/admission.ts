import { settleTasks } from "./clear-tasks.ts";
import { accept, type EventVerdict, refuse } from "./event-verdict.ts";
import type { RunDraft } from "./run-draft.ts";

/** The run has room in its limits: what its rules allow begins. */
export function applyAdmit(draft: RunDraft): EventVerdict {
  if (draft.isAdmitted || draft.isSettled) return refuse("nothing_to_do");
  if (draft.isPaused) return refuse("paused");
  if (draft.lacksRoom) return refuse("limit_reached");
  draft.isAdmitted = true;
  settleTasks(draft, [...Array.from({ length: draft.taskCount }).keys()]);
  return accept(null);
}
