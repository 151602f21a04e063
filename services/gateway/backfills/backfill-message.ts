import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  BackfillOrder,
  type BackfillSchema,
  BackfillSelection as ProtoSelection,
  BackfillState as ProtoState,
} from "#gen/millrace/v1/backfill_service_pb.js";
import type { BackfillSelection, BackfillState, BackfillView } from "#ports/backfill-store.ts";
import type { DagView } from "#ports/dag-views.ts";
import { timeOrAbsent } from "../optional-fields.ts";

const stateToProto: Readonly<Record<BackfillState, ProtoState>> = {
  planning: ProtoState.PLANNING,
  running: ProtoState.RUNNING,
  cancelling: ProtoState.CANCELLING,
  cancelled: ProtoState.CANCELLED,
  completed: ProtoState.COMPLETED,
};

const selectionToProto: Readonly<Record<BackfillSelection, ProtoSelection>> = {
  missing: ProtoSelection.MISSING,
  failed: ProtoSelection.FAILED,
  all: ProtoSelection.ALL,
};

/** A backfill as the API shows it. `dag`: its definition, null when it can't be read. */
export function toBackfillMessage(view: BackfillView, dag: DagView | null): MessageInitShape<typeof BackfillSchema> {
  return {
    backfillId: view.backfillId,
    dagId: view.dagId,
    state: stateToProto[view.state],
    isPaused: view.isPaused,
    from: timestampFromMs(view.fromAt),
    to: timestampFromMs(view.toAt),
    selection: selectionToProto[view.selection],
    order: view.newestFirst ? BackfillOrder.NEWEST : BackfillOrder.OLDEST,
    maxActiveRuns: view.maxActiveRuns,
    priorityOffset: view.priorityOffset,
    parameters: view.parameters as JsonObject,
    note: view.note,
    createdBy: view.createdBy,
    createdAt: timestampFromMs(view.createdAt),
    endDate: timeOrAbsent(view.endedAt),
    progress: { total: view.slotCount, ...view.progress },
    heldBy: heldBy(view, dag),
    refusal: view.refusal,
  };
}

/** What keeps it back, in words. */
function heldBy({ state, dagId }: BackfillView, dag: DagView | null): string {
  if (state !== "planning" && state !== "running") return "";
  if (dag?.isActive !== true) return `DAG ${dagId} is archived; restore its file`;
  return dag.isPaused ? `DAG ${dagId} is paused; resume it` : "";
}
