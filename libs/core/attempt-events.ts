import type { AttemptClosed } from "./attempt-change.ts";
import { accept, type EventVerdict, refuse } from "./event-verdict.ts";
import { noteItemEnd, noteRelease } from "./fan-out.ts";
import { isLimited } from "./limits.ts";
import type { RetryPolicy } from "./plan.ts";
import { openAttempt } from "./open-attempt.ts";
import { announceEnd, propagateEnds } from "./propagation.ts";
import { decideRetry, type RetryDecision } from "./retry-decision.ts";
import type { RunDraft } from "./run-draft.ts";
import type { AttemptFailure, AttemptOutcome, RunEvent } from "./run-event.ts";
import type { Instance } from "./run-model.ts";
import { firstWaitOf } from "./unstarted-wait.ts";

type EventOf<K extends RunEvent["kind"]> = Extract<RunEvent, { kind: K }>;
type Measured = Pick<AttemptClosed, "usage">;

/** queued → running: one worker gets the attempt, under a new fence (G3). */
export function applyClaim(draft: RunDraft, event: EventOf<"claim">): EventVerdict {
  const instance = draft.find(event.ordinal);
  if (instance === undefined) return refuse("unknown_instance");
  if (draft.isPaused) return refuse("paused");
  if (instance.state !== "queued" || instance.waitsFor !== null || instance.itemsTotal > 0)
    return refuse("illegal_state");
  if (instance.generation !== event.generation || instance.tryNumber + 1 !== event.tryNumber)
    return refuse("stale_fence");
  if (instance.held) return refuse("held");
  if (instance.dueAt !== null && instance.dueAt > draft.now) return refuse("not_due");
  if (draft.lacksRoom && isLimited(draft.plan, draft.taskOf(instance))) return refuse("limit_reached");
  const { workerKey } = event;
  const freeTries = instance.freeTries + (instance.reason === "deferred" ? 1 : 0);
  return accept(openAttempt(draft, { ...instance, freeTries }, { workerKey, startedAt: draft.now }));
}

/** The holder of the fence says what its attempt came to; an attempt settles once (G5). */
export function applyOutcome(draft: RunDraft, event: EventOf<"outcome">): EventVerdict {
  const instance = draft.find(event.ordinal);
  if (instance === undefined) return refuse("unknown_instance");
  if (instance.fence !== event.fence) return refuse("stale_fence");
  if (instance.state !== "running" || !instance.held) return refuse("illegal_state");
  const freed: Instance = { ...instance, held: false, heldFence: 0, endedAt: draft.now };
  const measured: Measured = event.usage === undefined ? {} : { usage: event.usage };
  switch (event.outcome.kind) {
    case "success":
      writeOutputs(draft, instance, event.outcome.outputs);
      closeAttempt(draft, instance, { state: "success", ...measured });
      return accept(endInstance(draft, { ...freed, state: "success", reason: null }));
    case "skipped":
      closeAttempt(draft, instance, { state: "skipped", ...measured });
      return accept(endInstance(draft, { ...freed, state: "skipped", reason: "by_task" }));
    case "deferred":
      return accept(defer(draft, freed, event.outcome));
    case "failed":
      if (draft.taskOf(instance).keepPartialOutputs) writeOutputs(draft, instance, event.outcome.outputs);
      return accept(failAttempt(draft, freed, event.outcome.failure, measured));
  }
}

/** The worker is lost or gave the attempt up; it uses its own allowance, not the task's retries. */
export function applyLost(draft: RunDraft, event: EventOf<"lost">): EventVerdict {
  const instance = draft.find(event.ordinal);
  if (instance === undefined) return refuse("unknown_instance");
  if (!instance.held || instance.heldFence !== event.fence) return refuse("stale_fence");
  if (instance.state !== "running")
    return applyReleased(draft, { kind: "released", ordinal: event.ordinal, fence: event.fence });
  const policy = draft.taskOf(instance).retry;
  const decision = decideAfterLoss(policy, instance, event.free);
  const message = event.free ? "the worker gave the attempt up" : "the worker was lost";
  closeAttempt(draft, instance, {
    state: "lost",
    errorCode: "worker_lost",
    errorMessage: message,
    retryReason: decision.reason,
  });
  const freed: Instance = {
    ...instance,
    held: false,
    heldFence: 0,
    fence: instance.fence + 1,
    endedAt: draft.now,
    lastError: message,
  };
  if (!decision.retry)
    return accept(
      endInstance(
        draft,
        { ...freed, state: "failed", reason: decision.reason, exempt: draft.taskOf(instance).allowFailure },
        "lost",
      ),
    );
  draft.put(
    {
      ...freed,
      state: "up_for_retry",
      reason: decision.reason,
      infraTries: freed.infraTries + (event.free ? 0 : 1),
      freeTries: freed.freeTries + (event.free ? 1 : 0),
      dueAt: draft.now,
    },
    "lost",
  );
  draft.emit("task_instance.retry", instance.ordinal, { reason: decision.reason, delay_ms: 0 });
  return accept(requeue(draft, draft.get(instance.ordinal)));
}

/** The tree of an attempt that was ended from outside is gone: its slots are free, the next attempt may start. */
export function applyReleased(draft: RunDraft, event: EventOf<"released">): EventVerdict {
  const instance = draft.find(event.ordinal);
  if (instance === undefined) return refuse("unknown_instance");
  if (!instance.held || instance.heldFence !== event.fence) return refuse("stale_fence");
  if (instance.state === "running") return refuse("illegal_state");
  draft.attempts.push({ kind: "released", ordinal: instance.ordinal, fence: event.fence, releasedAt: draft.now });
  const freed = draft.put({ ...instance, held: false, heldFence: 0 }, "note");
  noteRelease(draft, freed);
  return accept(freed);
}

/** up_for_retry → queued once its delay is over. */
export function applyRetryDue(draft: RunDraft, event: EventOf<"retry_due">): EventVerdict {
  const instance = draft.find(event.ordinal);
  if (instance === undefined) return refuse("unknown_instance");
  if (instance.fence !== event.fence) return refuse("stale_fence");
  if (instance.state !== "up_for_retry") return refuse("illegal_state");
  if (instance.dueAt !== null && instance.dueAt > draft.now) return refuse("not_due");
  return accept(requeue(draft, instance));
}

function requeue(draft: RunDraft, instance: Instance): Instance {
  const next = draft.put(
    {
      ...instance,
      state: "queued",
      dueAt: null,
      waitsFor: firstWaitOf(draft.taskOf(instance)),
      queuedAt: draft.now,
      fence: instance.fence + 1,
    },
    "retry_due",
  );
  draft.emit("task_instance.queued", instance.ordinal);
  return next;
}

/** Ends an instance for good and lets its children know. */
export function endInstance(
  draft: RunDraft,
  next: Instance,
  cause: "outcome" | "lost" | "evaluation" | "timeout" = "outcome",
): Instance {
  const ended = draft.put({ ...next, endedAt: draft.now, dueAt: null, waitsFor: null, awaitsEvaluation: false }, cause);
  announceEnd(draft, ended);
  noteItemEnd(draft, ended);
  propagateEnds(draft, [ended.ordinal]);
  return draft.get(ended.ordinal);
}

function failAttempt(draft: RunDraft, freed: Instance, failure: AttemptFailure, measured: Measured): Instance {
  const task = draft.taskOf(freed);
  const decision = decideRetry(task.retry, freed, failure, draft.now);
  const nextRetryAt = decision.retry ? draft.now + decision.delayMs : null;
  closeAttempt(draft, freed, {
    state: "failed",
    exitCode: failure.exitCode,
    signal: failure.signal,
    errorCode: failure.code,
    errorMessage: failure.message,
    retryReason: decision.reason,
    nextRetryAt,
    backoffDelayMs: decision.retry ? decision.delayMs : null,
    ...measured,
  });
  if (!decision.retry) {
    const reason = failure.code === "timeout" ? "timed_out" : decision.reason;
    return endInstance(draft, {
      ...freed,
      state: "failed",
      reason,
      exempt: task.allowFailure,
      lastError: failure.message,
    });
  }
  const next = draft.put(
    {
      ...freed,
      state: "up_for_retry",
      reason: decision.reason,
      freeTries: freed.freeTries + (decision.free ? 1 : 0),
      dueAt: nextRetryAt,
      lastError: failure.message,
    },
    "outcome",
  );
  draft.emit("task_instance.retry", freed.ordinal, {
    reason: decision.reason,
    delay_ms: decision.delayMs,
    error: failure.message,
  });
  return decision.delayMs === 0 ? requeue(draft, next) : next;
}

function defer(draft: RunDraft, freed: Instance, outcome: Extract<AttemptOutcome, { kind: "deferred" }>): Instance {
  closeAttempt(draft, freed, { state: "deferred" });
  const next: Instance = {
    ...freed,
    state: "queued",
    reason: "deferred",
    endedAt: null,
    queuedAt: draft.now,
    dueAt: outcome.dueAt,
    waitsFor: outcome.waitsFor,
  };
  draft.emit("task_instance.queued", freed.ordinal, { reason: "deferred" });
  return draft.put(next, "outcome");
}

function decideAfterLoss(policy: RetryPolicy, instance: Instance, free: boolean): RetryDecision {
  if (!policy.idempotent) return { retry: false, reason: "not_idempotent" };
  if (!free && instance.infraTries >= policy.maxInfraRetries) return { retry: false, reason: "worker_lost" };
  return { retry: true, reason: free ? "interrupted" : "worker_lost", delayMs: 0, free };
}

function writeOutputs(draft: RunDraft, instance: Instance, outputs: readonly { key: string; json: string }[]): void {
  for (const { key, json } of outputs) {
    draft.outputs.push({
      kind: "written",
      ordinal: instance.ordinal,
      generation: instance.generation,
      key,
      json,
      at: draft.now,
    });
    draft.emit("xcom.created", instance.ordinal, { key, size: json.length });
  }
}

/** Records how the held attempt ended. One that was ended from outside is released later, all others at once. */
export function closeAttempt(
  draft: RunDraft,
  instance: Instance,
  end: Partial<AttemptClosed> & Pick<AttemptClosed, "state">,
): void {
  draft.attempts.push({
    exitCode: null,
    signal: null,
    errorCode: null,
    errorMessage: null,
    retryReason: null,
    nextRetryAt: null,
    backoffDelayMs: null,
    ...end,
    kind: "closed",
    ordinal: instance.ordinal,
    generation: instance.generation,
    tryNumber: instance.tryNumber,
    endedAt: draft.now,
  });
  if (end.state !== "stopped") {
    draft.attempts.push({
      kind: "released",
      ordinal: instance.ordinal,
      fence: instance.heldFence || instance.fence,
      releasedAt: draft.now,
    });
  }
}
