import type { ServiceImpl } from "@connectrpc/connect";
import { AppError } from "#errors/app-error.ts";
import type { SchedulerService } from "#gen/millrace/v1/scheduler_service_pb.js";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { createBackfill } from "./create-backfill.ts";
import { invalidField } from "./invalid-field.ts";

/** The part of SchedulerService that is about backfills. Any scheduler takes them; the leader carries them out. */
export function backfillHandlers({
  store,
  logger,
}: {
  readonly store: Store;
  readonly logger: Logger;
}): Pick<ServiceImpl<typeof SchedulerService>, "startBackfill" | "changeBackfill"> {
  return {
    async startBackfill({ backfill: request, caller }) {
      if (request === undefined) throw invalidField("backfill", "is missing");
      const { backfillId, isRepeated, preview } = await createBackfill(store, { request, caller });
      if (preview !== undefined) return { preview };
      const fields = { dag_id: request.dagId, backfill_id: backfillId, by: caller };
      logger.info(fields, isRepeated ? "answered a repeated backfill" : "created a backfill");
      return { backfillId, repeatedRequest: isRepeated };
    },
    async changeBackfill({ backfillId, change, caller }) {
      const isChanged = await applyChange(store, backfillId, change);
      if (!isChanged) throw await refusal(store, backfillId);
      logger.info({ backfill_id: backfillId, by: caller, change: change.case }, "changed a backfill");
      return {};
    },
  };
}

type Change = Parameters<ServiceImpl<typeof SchedulerService>["changeBackfill"]>[0]["change"];

async function applyChange(store: Store, backfillId: string, change: Change): Promise<boolean> {
  switch (change.case) {
    case "pause":
      return store.backfills.setPaused(backfillId, change.value);
    case "cancel":
      return store.backfills.cancel(backfillId, { cancelRuns: change.value.cancelRuns });
    case undefined:
      throw invalidField("change", "is missing");
  }
}

async function refusal(store: Store, backfillId: string): Promise<AppError> {
  const details = { backfill_id: backfillId };
  const backfill = await store.backfills.get(backfillId);
  return backfill === null
    ? new AppError("BACKFILL_NOT_FOUND", `there is no backfill ${backfillId}; list them`, { details })
    : new AppError("BACKFILL_ENDED", `backfill ${backfillId} is ${backfill.state} already; create another`, {
        details,
      });
}
