import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type DagRunSchema, RunType as ProtoRunType } from "#gen/millrace/v1/run_service_pb.js";
import type { RunView } from "#ports/run-views.ts";
import type { RunType } from "#ports/new-run.ts";
import { runStateToProto } from "#rpc/run-state-to-proto.ts";
import { durationBetween } from "../duration-text.ts";
import { integerOrAbsent, timeOrAbsent } from "../optional-fields.ts";

const runTypeToProto: Readonly<Record<RunType, ProtoRunType>> = {
  scheduled: ProtoRunType.SCHEDULED,
  manual: ProtoRunType.MANUAL,
  backfill: ProtoRunType.BACKFILL,
  sensor: ProtoRunType.SENSOR,
  trigger_dag: ProtoRunType.TRIGGER_DAG,
  webhook: ProtoRunType.WEBHOOK,
};

/** A run as the API shows it. */
export function toRunMessage(view: RunView): MessageInitShape<typeof DagRunSchema> {
  return {
    dagRunId: view.runId,
    dagId: view.dagId,
    version: view.version,
    state: runStateToProto[view.state],
    isPaused: view.isPaused,
    orphaned: view.isOrphaned,
    archived: view.isArchived,
    executionDate: timestampFromMs(view.logicalAt),
    dataIntervalStart: timestampFromMs(view.intervalStartAt),
    dataIntervalEnd: timestampFromMs(view.intervalEndAt),
    queuedAt: timestampFromMs(view.queuedAt),
    startDate: timeOrAbsent(view.startedAt),
    endDate: timeOrAbsent(view.endedAt),
    durationMs: integerOrAbsent(durationBetween(view.startedAt, view.endedAt)),
    runType: runTypeToProto[view.runType],
    triggeredBy: view.triggeredBy,
    externalTriggerId: view.externalTriggerId,
    traceId: view.traceparent?.split("-")[1] ?? "",
    parameters: view.parameters as JsonObject,
    note: view.note,
    taskCounts: Object.fromEntries(Object.entries(view.counts).filter(([, count]) => count > 0)),
    warnings: [...view.warnings],
  };
}
