import { decideRun, judgeEvents } from "#core/decide-run.ts";
import type { Decision } from "#core/decision.ts";
import type { RunEvent } from "#core/run-event.ts";
import type { RunAggregate } from "#core/run-model.ts";
import type { Definition, JsonObject } from "#definition/model.ts";
import { prepareRerun } from "#definition/rendering/prepare-rerun.ts";
import { AppError } from "#errors/app-error.ts";
import type { SlotMark } from "#ports/backfill-slot.ts";
import type { BackfillRow } from "#ports/backfill-store.ts";
import type { WriteFindings } from "#ports/run-store.ts";
import { previousFireTime } from "#schedule/next-fire-times.ts";
import { openSchedule } from "#schedule/schedule.ts";
import type { BackfillContext } from "./advance-backfill.ts";
import type { SlotDecision } from "./decide-slot.ts";
import { isLasting } from "./make-scheduled-run.ts";
import { completeRun } from "./run-draft.ts";

export interface SlotBeginning {
  readonly backfill: BackfillRow;
  /** The definition in force, by which runs are made, also those that are made again. */
  readonly definition: Definition;
  readonly versionKey: number;
  readonly context: BackfillContext;
}

/**
 * What came of it: a mark that is still to be written; `rerun`, which is written already; `overtaken`, when the run
 * changed meanwhile.
 */
export type BeginResult = SlotMark | "rerun" | "overtaken" | "deposed";

/** Makes the run of a slot, or begins its next generation. A passing cause is thrown, a lasting one refuses the slot. */
export async function beginSlot(
  logicalAt: number,
  decision: Extract<SlotDecision, { kind: "create" | "rerun" }>,
  options: SlotBeginning,
): Promise<BeginResult> {
  const { backfill, context } = options;
  try {
    return decision.kind === "create"
      ? await createRun(logicalAt, options)
      : await rerun({ logicalAt, runKey: decision.run.runKey, from: decision.from }, options);
  } catch (thrown) {
    // An archived definition may come back: the backfill waits for it.
    const isArchived = thrown instanceof AppError && thrown.code === "DAG_ARCHIVED";
    if (isArchived || !isLasting(thrown)) throw thrown;
    const fields = { backfill_id: backfill.backfillId, execution_date: new Date(logicalAt).toISOString(), err: thrown };
    context.logger.error(fields, "a slot of a backfill can't be filled");
    return { logicalAt, state: "refused", reason: thrown.message };
  }
}

/**
 * A run that is made but not noted is found by what it is: its type and the backfill's id. Where its limits have no room it
 * waits, whatever `on_conflict` says: a backfill neither loses slots nor cancels live runs.
 */
async function createRun(logicalAt: number, options: SlotBeginning): Promise<BeginResult> {
  const { backfill, definition, versionKey, context } = options;
  const run = completeRun(
    {
      definition,
      given: backfill.parameters as JsonObject,
      dagKey: backfill.dagKey,
      versionKey,
      logicalAt,
      intervalStartAt: slotBefore(definition, logicalAt) ?? logicalAt,
      intervalEndAt: logicalAt,
      runType: "backfill",
      triggeredBy: backfill.backfillId,
      externalTriggerId: backfill.backfillId,
      note: backfill.note,
      traceparent: null,
      replaceExisting: false,
      whenFull: "wait",
      request: null,
      leaderEpoch: context.epoch,
      priorityOffset: backfill.priorityOffset,
    },
    { now: context.store.now(), suffix: context.createSuffix() },
  );
  const result = await context.store.runs.createRun(run);
  if (result.kind === "not_leader") return "deposed";
  return result.kind === "created" ? { logicalAt, state: "active", runKey: result.runKey } : "overtaken";
}

async function rerun(
  { logicalAt, runKey, from }: { logicalAt: number; runKey: number; from: "failed" | "all" },
  { backfill, context }: SlotBeginning,
): Promise<BeginResult> {
  const { store, epoch } = context;
  const { backfillId, backfillKey, priorityOffset, note } = backfill;
  const [facts] = await store.runs.readFacts([runKey]);
  if (facts === undefined) return "overtaken";
  const given = backfill.parameters as JsonObject;
  const parameters = Object.keys(given).length === 0 ? undefined : given;
  const target = await prepareRerun(store, facts, { latestVersion: true, parameters });
  const event: RunEvent = { kind: "rerun", from, target, author: { by: backfillId, note } };
  let isNothing = false;
  const decide = (run: RunAggregate, { lacksRoom }: WriteFindings): Decision | null => {
    if (run.run.endedAt === null) return null;
    const decision = decideRun(run, [event], store.now(), { lacksRoom });
    const [verdict] = decision === null ? judgeEvents(run, [event], store.now(), lacksRoom) : [];
    isNothing = verdict?.accepted === false && verdict.reason === "nothing_to_do";
    return decision;
  };
  const slot = { backfillKey, logicalAt, runKey, priorityOffset };
  if ((await store.backfills.rerunSlot(slot, decide, epoch)) === "rerun") return "rerun";
  return isNothing ? { logicalAt, state: "left", reason: "nothing of its run had failed" } : "overtaken";
}

function slotBefore({ schedule }: Definition, logicalAt: number): number | null {
  return schedule === null ? null : previousFireTime(openSchedule(schedule, null), logicalAt);
}
