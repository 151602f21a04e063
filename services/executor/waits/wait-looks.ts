import type { AttemptOutcome } from "#core/run-event.ts";
import type { RunAggregate } from "#core/run-model.ts";
import type { TimeWait } from "#operators/wait-operator.ts";
import type { Store } from "#ports/store.ts";
import type { OpenWait, WaitKind } from "#ports/wait-store.ts";
import { formatDuration } from "#schedule/duration.ts";
import { lookAtApproval } from "./approval-outcome.ts";
import { lookAtRun } from "./child-run.ts";
import { failWith, type LookAtWait, lookAgain, succeed, type WaitDeps } from "./wait-deps.ts";

const looks: Readonly<Record<WaitKind, LookAtWait>> = {
  time: lookAtTime,
  condition: lookAtCondition,
  approval: lookAtApproval,
  run: lookAtRun,
};

/** What a wait comes to now. The task's `timeout` counts from when it began to wait. Throws what rendering and triggers throw. */
export async function lookAtWait(deps: WaitDeps, wait: OpenWait): Promise<AttemptOutcome> {
  const { timeoutMs, startedAt, kind } = wait;
  const timeoutAt = timeoutMs === null ? null : startedAt + timeoutMs;
  if (timeoutMs !== null && startedAt + timeoutMs <= deps.store.now()) {
    return failWith(deps, { code: "timeout", message: `timed out after ${formatDuration(timeoutMs)} of waiting` });
  }
  const outcome = await looks[kind](deps, wait);
  if (outcome.kind !== "deferred" || timeoutAt === null) return outcome;
  return lookAgain(outcome.dueAt === null ? timeoutAt : Math.min(outcome.dueAt, timeoutAt));
}

async function lookAtTime({ store }: WaitDeps, { details, startedAt }: OpenWait): Promise<AttemptOutcome> {
  const time = details as unknown as TimeWait;
  const endAt = time.kind === "duration" ? startedAt + time.durationMs : time.kind === "until" ? time.untilAt : 0;
  return endAt <= store.now() ? succeed() : lookAgain(endAt);
}

/** The fields are rendered anew each time: `now` moves on, and so may outputs of tasks that have not ended. */
async function lookAtCondition(deps: WaitDeps, wait: OpenWait): Promise<AttemptOutcome> {
  const run = await readRun(deps.store, wait.runKey);
  const instance = run?.instances[wait.ordinal];
  // Another process writes the run: it is looked at again with the next round.
  if (run === null || instance === undefined) return lookAgain(deps.store.now());
  const { config } = await deps.assignments.renderWait(run, instance);
  const { condition } = config;
  if (condition === true) return succeed();
  if (condition !== false) {
    const message = `\`condition\` must be true or false, not ${JSON.stringify(condition)}`;
    return failWith(deps, { code: "render_failed", message });
  }
  const time = wait.details as unknown as TimeWait;
  return lookAgain(deps.store.now() + (time.kind === "condition" ? time.pollMs : 0));
}

/** Null: it is gone, or another process writes it. */
export async function readRun(store: Store, runKey: number): Promise<RunAggregate | null> {
  const [read] = await store.runs.changeRuns([{ runKey, decide: () => null }]);
  return read?.kind === "unchanged" ? read.run : null;
}
