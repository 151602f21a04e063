import { decideRun } from "#core/decide-run.ts";
import type { Definition } from "#definition/model.ts";
import type { BackfillRow } from "#ports/backfill-store.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { openBackfillSchedule } from "./backfill-range.ts";
import { fillSlots } from "./fill-slots.ts";
import { slotPageSize, slotPages } from "./slot-pages.ts";

export interface BackfillContext {
  readonly store: Store;
  readonly epoch: number;
  /** Tells the ids of runs apart. */
  readonly createSuffix: () => string;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** `more`: it has something to do at once. `waits`: until one of its runs ends, or for good. */
export type BackfillStep = "more" | "waits" | "deposed";

/** Runs that one step cancels; the next finds the others. */
const maxCancelled = 100;

/**
 * Carries a backfill one step on: lists a page of its slots, fills some, or ends it. Every write carries the epoch and is
 * guarded by what it changes, and nothing is kept outside the store, so that the next leader goes on after a crash
 * anywhere, without a gap or a double (G8).
 */
export async function advanceBackfill(backfill: BackfillRow, context: BackfillContext): Promise<BackfillStep> {
  if (backfill.state === "planning") return listSlots(backfill, context);
  const { store, epoch } = context;
  const active = await store.backfills.settle(backfill.backfillKey, epoch);
  if (active === null) return "deposed";
  if (backfill.state === "cancelling") return wind(backfill, active, context);
  const filled = await fillSlots(backfill, active, context);
  if (filled !== "done") return filled;
  if (active > 0) return "waits";
  await store.backfills.finish(backfill.backfillKey, "completed", epoch);
  context.logger.info({ backfill_id: backfill.backfillId }, "a backfill is completed");
  return "waits";
}

async function listSlots(backfill: BackfillRow, { store, epoch }: BackfillContext): Promise<BackfillStep> {
  const version = await store.definitions.getVersion(backfill.versionKey);
  if (version === null) throw new Error(`there is no version with key ${backfill.versionKey}`);
  const schedule = openBackfillSchedule(version.definition as Definition);
  const rest = slotPages(schedule, { fromAt: backfill.plannedTo + 1, toAt: backfill.toAt });
  const { value } = await rest.next();
  const dates = value ?? [];
  const isLast = dates.length < slotPageSize;
  const plannedTo = isLast ? backfill.toAt : (dates.at(-1) ?? backfill.toAt);
  await store.backfills.addSlots(backfill, { dates, plannedTo, isLast }, epoch);
  return "more";
}

/** Nothing new begins; it ends with the last of its runs. */
async function wind(
  backfill: BackfillRow,
  active: number,
  { store, epoch, logger }: BackfillContext,
): Promise<BackfillStep> {
  if (active === 0) {
    await store.backfills.finish(backfill.backfillKey, "cancelled", epoch);
    logger.info({ backfill_id: backfill.backfillId }, "a backfill is cancelled");
    return "waits";
  }
  if (!backfill.cancelRuns) return "waits";
  const runKeys = await store.backfills.listActiveRuns(backfill.backfillKey, maxCancelled);
  if (runKeys.length === 0) return "waits";
  const cancel = { kind: "cancel", reason: "backfill" } as const;
  const results = await store.runs.changeRuns(
    runKeys.map((runKey) => ({ runKey, decide: (run) => decideRun(run, [cancel], store.now()) })),
  );
  store.wake.notify("stops");
  return runKeys.length === maxCancelled || results.some(({ kind }) => kind === "applied") ? "more" : "waits";
}
