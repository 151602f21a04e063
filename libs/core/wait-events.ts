import { applyOutcome } from "./attempt-events.ts";
import { accept, type EventVerdict, refuse } from "./event-verdict.ts";
import { noteItemStart } from "./fan-out.ts";
import { openAttempt } from "./open-attempt.ts";
import type { RunDraft } from "./run-draft.ts";
import type { RunEvent } from "./run-event.ts";
import { unstartedWait } from "./unstarted-wait.ts";

type EventOf<K extends RunEvent["kind"]> = Extract<RunEvent, { kind: K }>;

/**
 * A task that needs no worker begins to wait: it stays queued, holds no slot, and is not dispatched. Its time counts
 * from here. `dueAt` is when an executor looks at it next; null: not before an answer.
 */
export function applyWaitBegun(draft: RunDraft, event: EventOf<"wait_begun">): EventVerdict {
  const instance = draft.find(event.ordinal);
  if (instance === undefined) return refuse("unknown_instance");
  if (draft.isPaused) return refuse("paused");
  if (instance.fence !== event.fence) return refuse("stale_fence");
  if (instance.state !== "queued" || instance.waitsFor !== unstartedWait) return refuse("illegal_state");
  if (instance.held) return refuse("held");
  const next = draft.put(
    {
      ...instance,
      reason: "deferred",
      waitsFor: event.waitsFor,
      dueAt: event.dueAt,
      firstStartedAt: instance.firstStartedAt ?? draft.now,
      startedAt: draft.now,
      endedAt: null,
    },
    "note",
  );
  draft.everStarted = true;
  draft.emit("task_instance.queued", next.ordinal, { reason: "deferred", waits_for: event.waitsFor });
  noteItemStart(draft, next);
  return accept(next);
}

/**
 * What an instance waits for has come, or never will. An answer that defers sets only when to look again; any other is
 * an attempt that nobody held: opened with the time at which the wait began, and settled in the same step, so that an
 * instance is answered once (G5) and retries are decided as for every attempt.
 */
export function applyAnswered(draft: RunDraft, event: EventOf<"answered">): EventVerdict {
  const instance = draft.find(event.ordinal);
  if (instance === undefined) return refuse("unknown_instance");
  if (instance.fence !== event.fence) return refuse("stale_fence");
  if (instance.state !== "queued" || instance.waitsFor === null) return refuse("illegal_state");
  if (instance.held) return refuse("held");
  const { ordinal, outcome } = event;
  if (outcome.kind === "deferred") {
    // Several executors may have looked: the next look only ever moves on.
    if (instance.dueAt === null || (outcome.dueAt ?? Number.POSITIVE_INFINITY) <= instance.dueAt)
      return refuse("nothing_to_do");
    return accept(draft.put({ ...instance, dueAt: outcome.dueAt }, "note"));
  }
  const startedAt = instance.startedAt ?? draft.now;
  const { fence } = openAttempt(draft, instance, { workerKey: null, startedAt });
  return applyOutcome(draft, { kind: "outcome", ordinal, fence, outcome });
}
