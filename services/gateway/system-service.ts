import type { ServiceImpl } from "@connectrpc/connect";
import type { SystemService } from "#gen/millrace/v1/system_service_pb.js";
import type { Queries } from "#ports/queries.ts";
import { checkHealth } from "./health.ts";

/** Handles SystemService. */
export function createSystemService(deps: { queries: Queries; version: string }): ServiceImpl<typeof SystemService> {
  return {
    async getHealth() {
      const { status, components } = await checkHealth(deps.queries);
      return { status, version: deps.version, components: { ...components } };
    },
  };
}
