import type { AttemptOutcome } from "#core/run-event.ts";
import { describeError } from "#errors/app-error.ts";
import type { OpenWait } from "#ports/wait-store.ts";
import { depthOfChild, settleChildren } from "./child-run.ts";
import { endOfError, type WaitDeps } from "./wait-deps.ts";
import { lookAtWait, readRun } from "./wait-looks.ts";
import { planWait } from "./wait-plan.ts";

/** Of one round; others follow in the next. */
const maxWaitsPerRound = 200;

/**
 * One round over everything that waits without a worker: what nobody has looked at begins to wait, what is due is
 * looked at, and runs that were waited for are settled. Any executor may do it, also several at once: a wait is written
 * once, a run is made once, and an answer is accepted once. Answers in how many milliseconds the next look is due.
 */
export async function processWaits(deps: WaitDeps): Promise<number | null> {
  const { waits } = deps.store;
  const found = await waits.look();
  const unstarted = found.hasUnstarted ? await waits.listUnstarted(maxWaitsPerRound) : [];
  await Promise.all(unstarted.map((place) => start(deps, place)));
  // What has just begun to wait is due already.
  const due = found.hasDue || unstarted.length > 0 ? await waits.listDue(maxWaitsPerRound) : [];
  await Promise.all(due.map((wait) => look(deps, wait)));
  // A look may have made a run that has ended already.
  const children = found.hasChildren || due.length > 0 ? await settleChildren(deps) : 0;
  const isMore = [unstarted.length, due.length, children].some((count) => count >= maxWaitsPerRound);
  return isMore ? 0 : found.nextDueInMs;
}

/** Writes what the instance is to wait for, and lets it wait; it is due at once, so that everything is decided by looks. */
async function start(deps: WaitDeps, { runKey, ordinal }: { runKey: number; ordinal: number }): Promise<void> {
  const { store, submit, assignments } = deps;
  const run = await readRun(store, runKey);
  const instance = run?.instances[ordinal];
  const task = instance === undefined ? undefined : run?.plan.tasks[instance.task];
  if (run === null || instance === undefined || task === undefined) return;
  const { generation, fence } = instance;
  try {
    const { kind, details } = planWait(await assignments.renderWait(run, instance));
    await store.waits.save({
      runKey,
      ordinal,
      generation,
      tryNumber: instance.tryNumber + 1,
      kind,
      timeoutMs: task.waits?.timeoutMs ?? null,
      depth: kind === "run" ? await depthOfChild(deps, run.run.runId) : 0,
      details: { ...details },
    });
    const event = { kind: "wait_begun", ordinal, fence, waitsFor: kind, dueAt: store.now() } as const;
    await submit({ runKey, event, freesSlotOf: null });
  } catch (error) {
    await answerError(deps, { runKey, ordinal, fence }, error);
  }
}

async function look(deps: WaitDeps, wait: OpenWait): Promise<void> {
  try {
    await answer(deps, wait, await lookAtWait(deps, wait));
  } catch (error) {
    await answerError(deps, wait, error);
  }
}

type Place = Pick<OpenWait, "runKey" | "ordinal" | "fence">;

async function answerError(deps: WaitDeps, place: Place, error: unknown): Promise<void> {
  const outcome = endOfError(deps, error);
  if (outcome === null) {
    const fields = { error: describeError(error), run_key: place.runKey, ordinal: place.ordinal };
    deps.logger.warn(fields, "a wait could not be looked at yet; it is looked at again");
    return;
  }
  await answer(deps, place, outcome).catch((failed: unknown) =>
    deps.logger.warn({ error: describeError(failed) }, "the end of a wait was not written; it is looked at again"),
  );
}

async function answer({ submit }: WaitDeps, { runKey, ordinal, fence }: Place, outcome: AttemptOutcome): Promise<void> {
  await submit({ runKey, event: { kind: "answered", ordinal, fence, outcome }, freesSlotOf: null });
}
