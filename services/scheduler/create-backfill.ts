import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Definition, JsonObject } from "#definition/model.ts";
import { resolveParameters } from "#definition/rendering/resolve-parameters.ts";
import { AppError } from "#errors/app-error.ts";
import {
  BackfillOrder,
  type BackfillPreviewSchema,
  BackfillSelection as ProtoSelection,
  type CreateBackfillRequest,
  CreateBackfillRequestSchema,
} from "#gen/millrace/v1/backfill_service_pb.js";
import type { BackfillSelection } from "#ports/backfill-store.ts";
import type { ActiveDefinition } from "#ports/definition-store.ts";
import type { Store } from "#ports/store.ts";
import { hashMessage } from "#rpc/hash-message.ts";
import { maxRequestIdLength } from "#rpc/wire-limits.ts";
import { type BackfillRange, readBackfillRange } from "./backfill-range.ts";
import { invalidField } from "./invalid-field.ts";
import { previewBackfill } from "./preview-backfill.ts";
import { randomSuffix } from "./run-id.ts";
import { findDefinition } from "./trigger-run.ts";

export interface CreatedBackfill {
  /** Empty in a dry run. */
  readonly backfillId: string;
  readonly isRepeated: boolean;
  /** Of a dry run. */
  readonly preview?: MessageInitShape<typeof BackfillPreviewSchema>;
}

/** Leaves room beside live runs. */
const defaultMaxActiveRuns = 4;
const maxActiveRunsLimit = 1000;

/** Below live runs of the same definition. */
const defaultPriorityOffset = -10;
const lowestPriorityOffset = -200;

const maxNoteLength = 1000;

/** Parts of a request that don't say what is to be made. */
const leftOut: ReadonlySet<string> = new Set(["requestId", "dryRun", "limit", "cursor"]);

const selections: Readonly<Record<ProtoSelection, BackfillSelection>> = {
  [ProtoSelection.UNSPECIFIED]: "missing",
  [ProtoSelection.MISSING]: "missing",
  [ProtoSelection.FAILED]: "failed",
  [ProtoSelection.ALL]: "all",
};

/**
 * Makes a backfill, or with `dry_run` says what it would do; the leader carries it out. Resolves after COMMIT (G1). Throws
 * INVALID_ARGUMENT, DAG_NOT_FOUND, DAG_ARCHIVED, DAG_NOT_SCHEDULED, INVALID_PARAMETERS and IDEMPOTENCY_CONFLICT.
 */
export async function createBackfill(
  store: Store,
  { request, caller }: { readonly request: CreateBackfillRequest; readonly caller: string },
): Promise<CreatedBackfill> {
  const settings = readSettings(request);
  if (request.dagId === "") throw invalidField("dag_id", "is missing; name a DAG");
  const active = await findDefinition(store, { dagId: request.dagId, runType: "backfill" });
  const definition = active.definition as Definition;
  const range = await readBackfillRange(definition, { from: request.from, to: request.to, now: store.now() });
  const parameters: JsonObject = request.parameters ?? {};
  checkParameters(definition, parameters, range, store.now());
  if (request.dryRun) {
    const page = { limit: request.limit, cursor: request.cursor };
    const preview = await previewBackfill(store, { dagKey: active.dagKey, range, ...settings, ...page });
    return { backfillId: "", isRepeated: false, preview };
  }
  return write(store, { request, caller, active, range, settings, parameters });
}

type Settings = ReturnType<typeof readSettings>;

function readSettings(request: CreateBackfillRequest) {
  const { maxActiveRuns, priorityOffset = defaultPriorityOffset, note, requestId } = request;
  if (maxActiveRuns < 0 || maxActiveRuns > maxActiveRunsLimit) {
    throw invalidField("max_active_runs", `must be 1 to ${maxActiveRunsLimit}, not ${maxActiveRuns}`);
  }
  if (priorityOffset > 0 || priorityOffset < lowestPriorityOffset) {
    throw invalidField("priority_offset", `must be ${lowestPriorityOffset} to 0, not ${priorityOffset}`);
  }
  if (note.length > maxNoteLength) throw invalidField("note", `is longer than ${maxNoteLength} characters; shorten it`);
  if (requestId.length > maxRequestIdLength) {
    throw invalidField("request_id", `has more than ${maxRequestIdLength} characters; shorten it`);
  }
  return {
    selection: selections[request.selection],
    newestFirst: request.order === BackfillOrder.NEWEST,
    maxActiveRuns: maxActiveRuns === 0 ? defaultMaxActiveRuns : maxActiveRuns,
    priorityOffset,
  };
}

/** What would be refused for every slot is refused now. */
function checkParameters(definition: Definition, given: JsonObject, { fromAt }: BackfillRange, now: number): void {
  resolveParameters(definition, given, { logicalAt: fromAt, now, runId: "", runType: "backfill" });
}

async function write(
  store: Store,
  options: {
    readonly request: CreateBackfillRequest;
    readonly caller: string;
    readonly active: ActiveDefinition;
    readonly range: BackfillRange;
    readonly settings: Settings;
    readonly parameters: JsonObject;
  },
): Promise<CreatedBackfill> {
  const { request, caller, active, settings, parameters } = options;
  const { fromAt, toAt, slotCount } = options.range;
  const { requestId: id, note } = request;
  const made = await store.backfills.create({
    backfillId: `${active.dagId}__backfill__${randomSuffix()}`,
    dagKey: active.dagKey,
    versionKey: active.versionKey,
    fromAt,
    toAt,
    slotCount,
    ...settings,
    parameters,
    note,
    createdBy: caller,
    request: id === "" ? null : { id, bodyHash: hashMessage(CreateBackfillRequestSchema, request, leftOut) },
  });
  if (made.kind === "request_conflict") {
    throw new AppError("IDEMPOTENCY_CONFLICT", `request id ${id} was used for another backfill`, {
      details: { request_id: id },
    });
  }
  return { backfillId: made.backfillId, isRepeated: made.kind === "repeated" };
}
