import type { ServiceImpl } from "@connectrpc/connect";
import { AppError } from "#errors/app-error.ts";
import type { SchedulerService } from "#gen/millrace/v1/scheduler_service_pb.js";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { invalidField } from "./invalid-field.ts";

/** The part of SchedulerService that is about sensors. Any scheduler takes it; the leader polls. */
export function sensorHandlers({
  store: { sensors },
  logger,
}: {
  readonly store: Pick<Store, "sensors">;
  readonly logger: Logger;
}): Pick<ServiceImpl<typeof SchedulerService>, "changeSensor"> {
  return {
    async changeSensor({ dagId, sensorId, change, caller }) {
      if (change.case === undefined) throw invalidField("change", "is missing");
      const isThere =
        change.case === "pause"
          ? await sensors.setPaused(dagId, sensorId, change.value)
          : await sensors.requestPoll(dagId, sensorId);
      if (!isThere) {
        throw new AppError("SENSOR_NOT_FOUND", `DAG ${dagId} has no sensor ${sensorId}; list them`, {
          details: { dag_id: dagId, sensor_id: sensorId },
        });
      }
      logger.info({ dag_id: dagId, sensor_id: sensorId, by: caller, change: change.case }, "changed a sensor");
      return {};
    },
  };
}
