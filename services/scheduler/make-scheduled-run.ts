import type { Definition } from "#definition/model.ts";
import { AppError } from "#errors/app-error.ts";
import type { DueSchedule } from "#ports/schedule-store.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { makeRun } from "./make-run.ts";
import { completeRun } from "./run-draft.ts";

/** Why a definition's scheduled run can't be made. */
export interface LastingFailure {
  readonly versionKey: number;
  readonly cause: string;
}

/** The slot of a run. Times in milliseconds since 1970. */
export interface RunSlot {
  readonly logicalAt: number;
  /** The slot before it, or itself when it is the first. */
  readonly intervalStartAt: number;
}

export interface MakeContext {
  readonly store: Store;
  readonly epoch: number;
  /** By DAG id, while that version is in force. */
  readonly failures: Map<string, LastingFailure>;
  /** Tells the ids of runs apart. */
  readonly createSuffix: () => string;
  readonly logger: Logger;
}

/** `passed`: there is a run of that date, or a lasting cause in the definition costs the slot. */
export type MakeResult = "passed" | "failed" | "deposed";

/**
 * Makes the run of a slot, unless the date has one (G8). A cause in the definition is kept in `failures`; a passing one is
 * thrown.
 */
export async function makeScheduledRun(
  due: DueSchedule,
  definition: Definition,
  slot: RunSlot,
  context: MakeContext,
): Promise<MakeResult> {
  const { store, epoch, failures, logger } = context;
  const log = logger.child({ dag_id: due.dagId, execution_date: new Date(slot.logicalAt).toISOString() });
  const now = store.now();
  try {
    const run = completeRun(
      {
        definition,
        given: {},
        dagKey: due.dagKey,
        versionKey: due.versionKey,
        ...slot,
        intervalEndAt: slot.logicalAt,
        runType: "scheduled",
        triggeredBy: "scheduler",
        externalTriggerId: "",
        note: "",
        traceparent: null,
        whenFull: "wait",
        replaceExisting: false,
        request: null,
        leaderEpoch: epoch,
      },
      { now, suffix: context.createSuffix() },
    );
    const result = await makeRun(store, definition, run);
    if (result.kind === "not_leader") return "deposed";
    if (result.kind === "request_conflict") {
      throw new AppError("INTERNAL", "a scheduled run has no request id to conflict with");
    }
    if (result.kind === "skipped") {
      log.info({ key: result.key, holder: result.holder }, "skipped a slot: a run of its concurrency key is active");
      failures.delete(due.dagId);
      return "passed";
    }
    const fields = { dag_run_id: result.runId, lag_ms: Math.round(now - slot.logicalAt) };
    log.info(fields, result.kind === "created" ? "made a scheduled run" : "the date has a run already");
    failures.delete(due.dagId);
    return "passed";
  } catch (thrown) {
    if (!isLasting(thrown)) throw thrown;
    failures.set(due.dagId, { versionKey: due.versionKey, cause: thrown.message });
    log.error({ err: thrown }, "a scheduled run can't be made");
    return "failed";
  }
}

/** A cause in the definition, which no second try mends. */
export function isLasting(thrown: unknown): thrown is AppError {
  return thrown instanceof AppError && !thrown.retryable && thrown.kind !== "internal";
}
