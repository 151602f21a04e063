import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter } from "@connectrpc/connect";
import { AppError } from "#errors/app-error.ts";
import { RunType as ProtoRunType } from "#gen/millrace/v1/run_service_pb.js";
import { type CreateRunRequest, SchedulerService } from "#gen/millrace/v1/scheduler_service_pb.js";
import type { Store } from "#ports/store.ts";
import { maxRequestIdLength } from "#rpc/wire-limits.ts";
import type { Logger } from "#telemetry/logger.ts";
import { backfillHandlers } from "./backfill-service.ts";
import { createPoolHandlers } from "./pool-handlers.ts";
import { hashRequest } from "./request-hash.ts";
import { sensorHandlers } from "./sensor-handlers.ts";
import type { Trigger, TriggeredRun } from "./trigger-run.ts";

const runTypes: Readonly<Record<ProtoRunType, Trigger["runType"] | null>> = {
  [ProtoRunType.UNSPECIFIED]: "manual",
  [ProtoRunType.SCHEDULED]: null,
  [ProtoRunType.MANUAL]: "manual",
  [ProtoRunType.BACKFILL]: "backfill",
  [ProtoRunType.SENSOR]: "sensor",
  [ProtoRunType.TRIGGER_DAG]: "trigger_dag",
  [ProtoRunType.WEBHOOK]: "webhook",
};

/** Registers SchedulerService over `trigger` and the store. */
export function schedulerRoutes(options: {
  trigger: (trigger: Trigger, signal: AbortSignal) => Promise<TriggeredRun>;
  store: Store;
  logger: Logger;
}): (router: ConnectRouter) => void {
  return (router) => {
    router.service(SchedulerService, {
      ...backfillHandlers(options),
      ...sensorHandlers(options),
      ...createPoolHandlers(options.store, options.logger),
      async createRun(request, { signal }) {
        const trigger = readTrigger(request);
        const { runId, isRepeated, warnings } = await options.trigger(trigger, signal);
        const fields = { dag_id: trigger.dagId, dag_run_id: runId, run_type: trigger.runType };
        options.logger.info(fields, isRepeated ? "answered a repeated trigger" : "made a run on request");
        return { dagRunId: runId, repeatedRequest: isRepeated, warnings: [...warnings] };
      },
    });
  };
}

/** The request in our words. Throws INVALID_ARGUMENT. */
function readTrigger({ trigger, caller, runType, traceparent }: CreateRunRequest): Trigger {
  if (trigger === undefined || trigger.dagId === "")
    throw new AppError("INVALID_ARGUMENT", "dag_id is missing; name a DAG");
  const kind = runTypes[runType] ?? null;
  if (kind === null) {
    throw new AppError("INVALID_ARGUMENT", "run_type scheduled can't be asked for; leave it out or say manual");
  }
  if (trigger.requestId.length > maxRequestIdLength) {
    throw new AppError("INVALID_ARGUMENT", `request_id has more than ${maxRequestIdLength} characters; shorten it`);
  }
  return {
    dagId: trigger.dagId,
    parameters: trigger.parameters ?? {},
    logicalAt: trigger.executionDate === undefined ? null : readDate(timestampMs(trigger.executionDate)),
    note: trigger.note,
    externalTriggerId: trigger.externalTriggerId,
    replaceExisting: trigger.replaceExisting,
    runType: kind,
    caller,
    traceparent: traceparent === "" ? null : traceparent,
    request: trigger.requestId === "" ? null : { caller, id: trigger.requestId, bodyHash: hashRequest(trigger) },
  };
}

/** Dates are whole milliseconds within the years 1 to 9999, as RFC 3339 can write them. */
function readDate(dateMs: number): number {
  const date = Math.floor(dateMs);
  if (date < Date.parse("0001-01-01T00:00:00Z") || date > Date.parse("9999-12-31T23:59:59Z")) {
    throw new AppError("INVALID_ARGUMENT", "execution_date is outside the years 1 to 9999");
  }
  return date;
}
