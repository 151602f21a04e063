import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type BackfillPreviewSchema, SlotAction } from "#gen/millrace/v1/backfill_service_pb.js";
import type { SlotRun } from "#ports/backfill-slot.ts";
import type { BackfillSelection } from "#ports/backfill-store.ts";
import type { Store } from "#ports/store.ts";
import { runStateToProto } from "#rpc/run-state-to-proto.ts";
import type { BackfillRange } from "./backfill-range.ts";
import { decideSlot, type SlotDecision } from "./decide-slot.ts";
import { invalidField } from "./invalid-field.ts";
import { slotPages } from "./slot-pages.ts";

/** What is asked of a preview: which backfill, and which page of its slots. */
export interface PreviewRequest {
  readonly dagKey: number;
  readonly range: BackfillRange;
  readonly selection: BackfillSelection;
  readonly newestFirst: boolean;
  readonly limit: number;
  /** The date behind which the page begins, as text; empty: at the beginning. */
  readonly cursor: string;
}

const defaultLimit = 20;
const maxLimit = 100;

const actions: Readonly<Record<SlotDecision["kind"], SlotAction>> = {
  create: SlotAction.CREATE,
  rerun: SlotAction.RERUN,
  leave: SlotAction.LEAVE,
  adopt: SlotAction.LEAVE,
};

/** What a backfill would do if it were carried out now: a page of its slots, and how many of each kind there are in all. */
export async function previewBackfill(
  store: Store,
  request: PreviewRequest,
): Promise<MessageInitShape<typeof BackfillPreviewSchema>> {
  const { dagKey, range, selection, newestFirst } = request;
  const limit = readLimit(request.limit);
  const counts = { create: 0, rerun: 0, leave: 0, adopt: 0 };
  const dates: number[] = [];
  for await (const page of slotPages(range.schedule, range)) {
    const runs = await store.backfills.findRuns(dagKey, page);
    for (const date of page) counts[decideSlot(runs.get(date) ?? null, { selection, backfillId: null }).kind] += 1;
    dates.push(...page);
  }
  const ordered = newestFirst ? dates.toReversed() : dates;
  const start = placeAfter(ordered, request.cursor, newestFirst);
  const shown = ordered.slice(start, start + limit);
  const runs = await store.backfills.findRuns(dagKey, shown);
  return {
    slots: shown.map((date) => {
      const run = runs.get(date) ?? null;
      const { kind } = decideSlot(run, { selection, backfillId: null });
      return { executionDate: timestampFromMs(date), action: actions[kind], ...runFields(run) };
    }),
    nextCursor: start + limit < ordered.length ? String(shown.at(-1)) : "",
    totalCount: BigInt(dates.length),
    pageSize: limit,
    createCount: counts.create,
    rerunCount: counts.rerun,
    leaveCount: counts.leave,
  };
}

function runFields(
  run: SlotRun | null,
): Pick<
  NonNullable<NonNullable<MessageInitShape<typeof BackfillPreviewSchema>["slots"]>[number]>,
  "dagRunId" | "state"
> {
  return run === null ? {} : { dagRunId: run.runId, state: runStateToProto[run.state] };
}

function readLimit(limit: number): number {
  if (limit < 0 || limit > maxLimit) throw invalidField("limit", `must be 1 to ${maxLimit}, not ${limit}`);
  return limit === 0 ? defaultLimit : limit;
}

function placeAfter(dates: readonly number[], cursor: string, newestFirst: boolean): number {
  if (cursor === "") return 0;
  if (!/^-?\d{1,16}$/.test(cursor)) throw invalidField("cursor", "is not from this list; begin without one");
  const after = Number(cursor);
  const place = dates.findIndex((date) => (newestFirst ? date < after : date > after));
  return place === -1 ? dates.length : place;
}
