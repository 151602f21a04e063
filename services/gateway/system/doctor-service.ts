import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { createClient, type ServiceImpl, type Transport } from "@connectrpc/connect";
import { describeError } from "#errors/app-error.ts";
import {
  CheckSystemResponseSchema,
  type DoctorService,
  type SystemCheck,
  SystemCheckSchema,
} from "#gen/millrace/v1/doctor_service_pb.js";
import { type CheckConsistencyResponse, ExecutorService } from "#gen/millrace/v1/executor_service_pb.js";
import type { ConsistencyStore } from "#ports/consistency-store.ts";
import { forwardOptions } from "../forward.ts";
import { checkExecutorVersion, checkInstallation, type InstallationCheck } from "./installation-checks.ts";

/** A page of the check may wait for a lease between its two looks. */
const checkTimeoutMs = 300_000;

/** Handles DoctorService. Without an executor the first page still tells of the installation. */
export function createDoctorService(deps: {
  consistency: Pick<ConsistencyStore, "describe">;
  executor: Transport;
  version: string;
  now: () => number;
}): ServiceImpl<typeof DoctorService> {
  const executor = createClient(ExecutorService, deps.executor);
  return {
    async checkSystem({ repair, cursor, removeUnknownFiles, filesAfter }, context) {
      const options = { ...forwardOptions(context), timeoutMs: checkTimeoutMs, signal: context.signal };
      const isFirst = cursor === "" && filesAfter === "";
      const installation = isFirst ? await checkInstallation(deps) : [];
      let page: CheckConsistencyResponse;
      try {
        page = await executor.checkConsistency({ repair, cursor, removeUnknownFiles, filesAfter }, options);
      } catch (error) {
        if (!isFirst) throw error;
        const detail = `the state was not checked: ${describeError(error)}`;
        const fix = "see that an executor runs, and that the gateway has its address";
        const away: InstallationCheck = { name: "executor", status: "problem", detail, fix };
        const checks = [...installation, away].map(toMessage);
        return create(CheckSystemResponseSchema, { checks, answeredAt: timestampFromMs(deps.now()) });
      }
      const own = isFirst ? [...installation, checkExecutorVersion(page.version, deps.version)].map(toMessage) : [];
      const { findings, findingCount, checkedRuns, nextCursor, checkedFiles, nextFiles } = page;
      return create(CheckSystemResponseSchema, {
        ...{ findings, findingCount, checkedRuns, nextCursor, checkedFiles, nextFiles },
        checks: isFirst ? [...own, ...page.checks] : [],
        answeredAt: timestampFromMs(deps.now()),
      });
    },
  };
}

function toMessage(check: InstallationCheck): SystemCheck {
  return create(SystemCheckSchema, { ...check });
}
