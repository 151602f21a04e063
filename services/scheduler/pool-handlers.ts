import type { ServiceImpl } from "@connectrpc/connect";
import type { SchedulerService } from "#gen/millrace/v1/scheduler_service_pb.js";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";

/** Pools are few, and their sizes small numbers; both come checked. */
export function createPoolHandlers(
  { limits }: Pick<Store, "limits">,
  logger: Logger,
): Pick<ServiceImpl<typeof SchedulerService>, "setPool" | "removePool"> {
  return {
    async setPool({ name, size, description }) {
      await limits.setPool({ name, size, description });
      logger.info({ pool: name, size }, "set a pool");
      return {};
    },
    async removePool({ name }) {
      const removed = await limits.deletePool(name);
      if (removed) logger.info({ pool: name }, "removed a pool");
      return { removed };
    },
  };
}
