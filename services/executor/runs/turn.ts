import type { HandOff } from "#core/decide-run.ts";
import type { Decision } from "#core/decision.ts";
import type { EventVerdict } from "#core/event-verdict.ts";
import type { PlanTask } from "#core/plan.ts";
import { hasRoom, noResources, type ResourceAmounts } from "#core/resource-amounts.ts";
import type { RunEvent } from "#core/run-event.ts";
import type { Instance, RunAggregate } from "#core/run-model.ts";
import type { KeptAnswer } from "#ports/kept-answer.ts";
import type { NewLogChunk } from "#ports/log-store.ts";

/** One event for one run, from a session, a loop or a request. */
export interface Submission {
  readonly runKey: number;
  readonly event: RunEvent;
  /** The worker whose slot the event frees, for the hand-off; null where none is. */
  readonly freesSlotOf: number | null;
  /** Present: what the attempt in that slot has taken of the worker. */
  readonly freesResources?: ResourceAmounts;
  /** Present: a short log that is written with the event, if that is accepted. */
  readonly log?: NewLogChunk;
  /** Present: what is kept as the answer to a request, if the event is accepted; written with what it changes (G6). */
  readonly answer?: (verdict: Extract<EventVerdict, { accepted: true }>) => KeptAnswer;
}

/** What one submission came to. `run` is the run after it. */
export type SubmissionResult =
  | { readonly kind: "missing" }
  | { readonly kind: "judged"; readonly verdict: EventVerdict; readonly run: RunAggregate };

export type HandOffScope = "nothing" | "made_ready" | "all";

/** Workers that may be given work in a hand-off, while one batch is written. */
export interface HandOffWorkers {
  /**
   * What of a run may be given: nothing while anything waits that may have a better claim, else what is made ready, or all that
   * is ready where nothing else waits but instances of this run.
   */
  scope(runKey: number): HandOffScope;
  accepts(workerKey: number, task: PlanTask): boolean;
  /** A worker with a slot that nobody has and that is kept for the run from now on; null: there is none. */
  takeSpare(runKey: number, task: PlanTask): number | null;
  /** The slots that are kept for the run are nobody's again. */
  giveBack(runKey: number): void;
}

/** The submissions of one turn, by run in order of arrival; at most `maxEvents` of a run at once. */
export function groupByRun<T extends Submission>(
  submissions: readonly T[],
  maxEvents: number,
): { readonly now: ReadonlyMap<number, readonly T[]>; readonly later: readonly T[] } {
  const now = new Map<number, T[]>();
  const later: T[] = [];
  for (const submission of submissions) {
    const group = now.get(submission.runKey);
    if (group === undefined) now.set(submission.runKey, [submission]);
    else if (group.length < maxEvents) group.push(submission);
    else later.push(submission);
  }
  return { now, later };
}

/**
 * Gives the slots that these submissions of one run free to what they make ready, one for one, with no more resources than
 * came free with the slot, and spare ones to the rest. A fresh count for every call: a decision may be made again on a newer run.
 */
export function createHandOff(submissions: readonly Submission[], workers: HandOffWorkers): HandOff | undefined {
  const [first] = submissions;
  if (first === undefined || workers.scope(first.runKey) === "nothing") return undefined;
  workers.giveBack(first.runKey);
  const freed = submissions.flatMap(({ freesSlotOf: workerKey, freesResources = noResources }) =>
    workerKey === null ? [] : [{ workerKey, room: freesResources }],
  );
  return (_instance, task) => {
    const { requests = noResources } = task;
    const place = freed.findIndex(({ workerKey, room }) => hasRoom(room, requests) && workers.accepts(workerKey, task));
    return freed.splice(place, place < 0 ? 0 : 1)[0]?.workerKey ?? workers.takeSpare(first.runKey, task);
  };
}

/** An attempt that a decision gave to a worker. */
interface OpenedAttempt {
  readonly workerKey: number;
  readonly fence: number;
  readonly instance: Instance;
  /** False: the same decision ended it from outside, so its worker never hears of it. */
  readonly isWanted: boolean;
}

/** The attempts that a decision opened, with their instances as they are after it. */
export function openedAttempts(decision: Decision, run: RunAggregate): readonly OpenedAttempt[] {
  return decision.attempts.flatMap((change) => {
    const instance = run.instances[change.ordinal];
    if (change.kind !== "opened" || instance === undefined) return [];
    const { workerKey, fence } = change;
    // What needed no worker has settled already.
    if (workerKey === null) return [];
    return [{ workerKey, fence, instance, isWanted: instance.state === "running" && instance.heldFence === fence }];
  });
}

/** Milliseconds until the earliest time that a decision set; null when it set none. */
export function earliestDueInMs(decision: Decision, now: number): number | null {
  let earliest: number | null = null;
  for (const { next } of decision.instances) {
    if (next.dueAt !== null && (earliest === null || next.dueAt < earliest)) earliest = next.dueAt;
  }
  return earliest === null ? null : Math.max(0, earliest - now);
}
