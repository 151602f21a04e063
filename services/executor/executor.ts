import { systemClock } from "#clock/system-clock.ts";
import { ExecutorService } from "#gen/millrace/v1/executor_service_pb.js";
import { WorkerSessionService } from "#gen/millrace/v1/worker_session_service_pb.js";
import { operatorSchemas } from "#operators/registry.ts";
import type { Service } from "#rpc/service.ts";
import { AssignmentBuilder } from "./assignment-builder.ts";
import { createExecutorCore, type ExecutorCoreOptions } from "./executor-core.ts";
import { createExecutorService } from "./executor-service.ts";

export interface ExecutorOptions extends Omit<ExecutorCoreOptions, "clock" | "assignments"> {
  readonly dagsDirectory: string;
  readonly logMaxBytes: number;
}

/** An outcome may carry 16 MiB of outputs. */
const maxMessageBytes = 24 * 1024 * 1024;

/** Advances runs and feeds the workers that are connected to it. Keeps nothing that another executor could not rebuild. */
export function createExecutor(options: ExecutorOptions): Service {
  const assignments = new AssignmentBuilder({ ...options, operators: operatorSchemas });
  const core = createExecutorCore({ ...options, clock: systemClock, assignments });
  return {
    name: "executor",
    maxMessageBytes,
    routes: (router) => {
      router.service(WorkerSessionService, core.sessionService);
      router.service(ExecutorService, createExecutorService(options.store, core.submit));
    },
    async start() {
      core.start();
    },
    stop: () => core.stop(),
    health: () => ({
      executor: core.isHealthy
        ? { status: "healthy", detail: "" }
        : { status: "degraded", detail: "the database does not answer; what happened is kept and written later" },
    }),
  };
}
