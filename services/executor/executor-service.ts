import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { AppError } from "#errors/app-error.ts";
import {
  CancelRunResponseSchema,
  type ExecutorService,
  RepairRunResponseSchema,
  RequestDrainResponseSchema,
  SetRunPausedResponseSchema,
} from "#gen/millrace/v1/executor_service_pb.js";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import type { Store } from "#ports/store.ts";
import { repairRun } from "./runs/repair-run.ts";
import type { Submission, SubmissionResult } from "./runs/turn.ts";

/** Changes of runs by people and programs; each answer follows its commit. */
export function createExecutorService(
  store: Store,
  submit: (submission: Submission) => Promise<SubmissionResult>,
  operators: OperatorSchemas,
): Omit<
  ServiceImpl<typeof ExecutorService>,
  "replayDeadLetter" | "dropDeadLetter" | "answerApproval" | "checkConsistency" | "listUsage"
> {
  return {
    async cancelRun(request) {
      const runKey = await store.runs.findRunKey(request.dagRunId);
      if (runKey === null) throw new AppError("RUN_NOT_FOUND", `there is no run ${request.dagRunId}`);
      // A run whose instances have all ended is left as it is.
      await submit({ runKey, event: { kind: "cancel", reason: request.reason }, freesSlotOf: null });
      return create(CancelRunResponseSchema);
    },
    async setRunPaused({ dagRunId, isPaused }) {
      const runKey = await store.runs.findRunKey(dagRunId);
      if (runKey === null) throw new AppError("RUN_NOT_FOUND", `there is no run ${dagRunId}`);
      // A run that is so already is left as it is.
      await submit({ runKey, event: { kind: "pause", isPaused }, freesSlotOf: null });
      return create(SetRunPausedResponseSchema);
    },
    async requestDrain({ workerId, reason }) {
      const workerKey = await store.workers.requestDrain(workerId, reason === "" ? "asked to drain" : reason);
      if (workerKey === null) throw new AppError("WORKER_NOT_FOUND", `no worker ${workerId} is in service`);
      store.wake.notify("drains", String(workerKey));
      return create(RequestDrainResponseSchema);
    },
    async repairRun(request) {
      return create(RepairRunResponseSchema, { repair: await repairRun({ store, submit, operators }, request) });
    },
  };
}
