import { noteItemStart } from "./fan-out.ts";
import type { RunDraft } from "./run-draft.ts";
import type { Instance } from "./run-model.ts";

/** queued → running, under a new fence (G3). `workerKey` null: no worker hears of it, and it settles in the same step. */
export function openAttempt(
  draft: RunDraft,
  instance: Instance,
  { workerKey, startedAt }: { readonly workerKey: number | null; readonly startedAt: number },
): Instance {
  const fence = instance.fence + 1;
  const next = draft.put(
    {
      ...instance,
      state: "running",
      reason: null,
      fence,
      held: true,
      heldFence: fence,
      tryNumber: instance.tryNumber + 1,
      workerKey,
      dueAt: null,
      waitsFor: null,
      firstStartedAt: instance.firstStartedAt ?? startedAt,
      startedAt,
      endedAt: null,
    },
    "claim",
  );
  draft.everStarted = true;
  const { ordinal, generation, tryNumber } = next;
  draft.attempts.push({ kind: "opened", ordinal, generation, tryNumber, fence, workerKey, startedAt });
  draft.emit("task_instance.running", ordinal, { try_number: tryNumber });
  noteItemStart(draft, next);
  return next;
}
