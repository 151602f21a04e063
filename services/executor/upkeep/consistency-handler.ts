import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { checkCatalog } from "#doctor/check-catalog.ts";
import type { CheckConsistency } from "#doctor/consistency-check.ts";
import type { Finding } from "#doctor/finding.ts";
import { formatCursor, parseCursor } from "#doctor/read-batch.ts";
import { AppError } from "#errors/app-error.ts";
import {
  type ConsistencyFinding,
  ConsistencyFindingSchema,
  SystemCheckSchema,
} from "#gen/millrace/v1/doctor_service_pb.js";
import { CheckConsistencyResponseSchema, type ExecutorService } from "#gen/millrace/v1/executor_service_pb.js";
import type { ComponentStatus } from "#rpc/service.ts";

const runsPerPage = 2000;

export interface ConsistencyHandlerOptions {
  readonly check: CheckConsistency;
  readonly version: string;
  /** What this executor says of itself and of its bus. */
  readonly health: () => Readonly<Record<string, ComponentStatus>>;
}

/** The check on demand. */
export function createConsistencyHandler({
  check,
  version,
  health,
}: ConsistencyHandlerOptions): Pick<ServiceImpl<typeof ExecutorService>, "checkConsistency"> {
  return {
    async checkConsistency({ repair, cursor: text, removeUnknownFiles, filesAfter }, { signal }) {
      const cursor = text === "" ? null : parseCursor(text);
      if (cursor === undefined)
        throw new AppError("INVALID_ARGUMENT", `cursor ${text} is none; take next_cursor of the page before`);
      const files = removeUnknownFiles ? "remove" : "count";
      const place = filesAfter === "" ? { cursor } : { cursor, filesAfter };
      const page = await check({ ...place, repair, files, maxRuns: runsPerPage, signal });
      return create(CheckConsistencyResponseSchema, {
        findings: page.findings.map(toMessage),
        findingCount: page.findingCount,
        checkedRuns: page.checkedRuns,
        nextCursor: page.next === null ? "" : formatCursor(page.next),
        checkedFiles: page.checkedFiles,
        nextFiles: page.nextFiles ?? "",
        version,
        checks: Object.entries(health()).map(([name, { status, detail }]) => toCheck(name, status, detail)),
      });
    },
  };
}

const statusOfHealth = { healthy: "ok", degraded: "warning", unhealthy: "problem" } as const;

function toCheck(name: string, status: ComponentStatus["status"], detail: string) {
  const fix = status === "healthy" ? "" : "see the executor's log";
  return create(SystemCheckSchema, {
    name,
    status: statusOfHealth[status],
    detail: detail === "" ? "works" : detail,
    fix,
  });
}

function toMessage({ check, dagRunId, subject, count, detail, outcome }: Finding): ConsistencyFinding {
  const { severity, guarantee, byHand } = checkCatalog[check];
  return create(ConsistencyFindingSchema, {
    ...{ check, severity, subject, count, detail, outcome },
    guarantee: guarantee ?? "",
    dagRunId: dagRunId ?? "",
    advice: byHand,
  });
}
