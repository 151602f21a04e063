import type { Definition } from "#definition/model.ts";
import { AppError } from "#errors/app-error.ts";
import type { DueSchedule } from "#ports/definition-store.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { planScheduledRun } from "./plan-scheduled-run.ts";
import { completeRun } from "./run-draft.ts";

/** Schedules looked at in one evaluation; the rest follows in the next, after a look at leadership. */
const batchSize = 100;

export type EvaluationResult =
  /** `nextInMs`: when to look again; null: nothing is scheduled. */
  { readonly kind: "done"; readonly nextInMs: number | null } | { readonly kind: "deposed" };

/** Why a definition's scheduled run can't be made. */
export interface LastingFailure {
  readonly versionKey: number;
  readonly cause: string;
}

type RunResult = "made" | "passing_failure" | "deposed";

/**
 * Makes the runs that are due, earliest first, and moves each schedule on. Every write carries the epoch, so that a
 * leader which no longer leads changes nothing. One definition whose run can't be made hurts no other: a passing cause
 * is tried again by a later evaluation; a lasting one costs that slot and is kept in `failures` (by DAG id) while that version is in
 * force.
 */
export async function evaluateSchedules(options: {
  store: Store;
  epoch: number;
  failures: Map<string, LastingFailure>;
  signal: AbortSignal;
  logger: Logger;
}): Promise<EvaluationResult> {
  const { store, signal, failures } = options;
  await forgetReplaced(store, failures);
  const due = await store.definitions.listDueSchedules(batchSize);
  let failedCount = 0;
  for (const schedule of due) {
    if (signal.aborted) break;
    const result = await runSlot(schedule, options);
    if (result === "deposed") return { kind: "deposed" };
    if (result === "passing_failure") failedCount += 1;
  }
  if (failedCount > 0) return { kind: "done", nextInMs: null };
  return { kind: "done", nextInMs: due.length === batchSize ? 0 : await store.definitions.nextScheduleInMs() };
}

async function runSlot(due: DueSchedule, options: Parameters<typeof evaluateSchedules>[0]): Promise<RunResult> {
  const { store, epoch, failures, logger } = options;
  const definition = due.definition as Definition;
  const { schedule } = definition;
  const log = logger.child({ dag_id: due.dagId });
  const advance = async (to: number | null): Promise<RunResult> => {
    const hasMoved = await store.definitions.advanceSchedule({ dagKey: due.dagKey, from: due.dueAt, to, epoch });
    if (!hasMoved) log.debug("the schedule was changed meanwhile");
    return "made";
  };
  if (schedule === null) return advance(null);
  try {
    const now = store.now();
    const plan = planScheduledRun({ schedule, dueAt: due.dueAt, now });
    const made = await createScheduledRun(due, { ...plan, definition, epoch, now, store });
    if (made.kind === "deposed") return "deposed";
    const fields = { dag_run_id: made.runId, execution_date: new Date(plan.logicalAt).toISOString() };
    if (made.kind === "exists") log.info(fields, "the date has a run already");
    else log.info(fields, "made a scheduled run");
    if (plan.skippedFrom !== null) {
      log.warn(
        { ...fields, missed_from: new Date(plan.skippedFrom).toISOString() },
        "left out missed slots but the latest",
      );
    }
    failures.delete(due.dagId);
    return await advance(plan.nextAt);
  } catch (thrown) {
    if (!isLasting(thrown)) {
      log.warn({ err: thrown }, "could not make a scheduled run, trying again");
      return "passing_failure";
    }
    failures.set(due.dagId, { versionKey: due.versionKey, cause: thrown.message });
    log.error({ err: thrown, execution_date: new Date(due.dueAt).toISOString() }, "a scheduled run can't be made");
    return advance(planScheduledRun({ schedule, dueAt: due.dueAt, now: store.now() }).nextAt);
  }
}

async function createScheduledRun(
  due: DueSchedule,
  slot: {
    logicalAt: number;
    intervalStartAt: number;
    definition: Definition;
    epoch: number;
    now: number;
    store: Store;
  },
): Promise<{ kind: "made" | "exists"; runId: string } | { kind: "deposed" }> {
  const { logicalAt, intervalStartAt, definition, epoch, now, store } = slot;
  const run = completeRun(
    {
      definition,
      given: {},
      dagKey: due.dagKey,
      versionKey: due.versionKey,
      logicalAt,
      intervalStartAt,
      intervalEndAt: logicalAt,
      runType: "scheduled",
      triggeredBy: "scheduler",
      externalTriggerId: "",
      note: "",
      traceparent: null,
      replaceExisting: false,
      request: null,
      leaderEpoch: epoch,
    },
    now,
  );
  const result = await store.runs.createRun(run);
  if (result.kind === "not_leader") return { kind: "deposed" };
  if (result.kind === "request_conflict")
    throw new AppError("INTERNAL", "a scheduled run has no request id to conflict with");
  return { kind: result.kind === "created" ? "made" : "exists", runId: result.runId };
}

/** A version that is no longer in force fails no more. */
async function forgetReplaced(store: Store, failures: Map<string, LastingFailure>): Promise<void> {
  for (const [dagId, { versionKey }] of failures) {
    const active = await store.definitions.getActive(dagId);
    if (active?.isActive !== true || active.versionKey !== versionKey) failures.delete(dagId);
  }
}

/** A cause in the definition, which no second try mends. */
function isLasting(thrown: unknown): thrown is AppError {
  return thrown instanceof AppError && !thrown.retryable && thrown.kind !== "internal";
}
