import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  type ExecutorService,
  type InstanceUsageSchema,
  ListUsageResponseSchema,
} from "#gen/millrace/v1/executor_service_pb.js";
import { type UsageNow, UsageNowSchema } from "#gen/millrace/v1/task_service_pb.js";
import type { AttemptUsage } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { HeldAttempt } from "./held-attempt.ts";
import type { WorkerSession } from "./session.ts";
import type { SessionRegistry } from "./session-registry.ts";

/** Remembers what a heartbeat tells of attempts, here and nowhere else: the next one tells again. */
export function noteUsages(session: WorkerSession, told: readonly AttemptUsage[]): void {
  for (const usage of told) {
    const held = session.find(usage.attempt);
    if (held !== undefined) held.usage = toUsageNow(usage, held);
  }
}

/** Answers what attempts of workers that are connected here use now. */
export function createUsageHandler(sessions: SessionRegistry): Pick<ServiceImpl<typeof ExecutorService>, "listUsage"> {
  return {
    listUsage({ workerIds }) {
      const wanted = new Set(workerIds);
      const usages = sessions
        .all()
        .filter(({ workerId }) => wanted.has(workerId))
        .flatMap((session) => [...session.held.values()].flatMap(toInstanceUsage));
      return create(ListUsageResponseSchema, { usages });
    },
  };
}

function toInstanceUsage({ ref, usage }: HeldAttempt): readonly MessageInitShape<typeof InstanceUsageSchema>[] {
  if (usage === undefined) return [];
  const { dagRunId, taskId, mapIndex, generation, tryNumber } = ref;
  return [{ dagRunId, taskId, ...(mapIndex === undefined ? {} : { mapIndex }), generation, tryNumber, usage }];
}

function toUsageNow(told: AttemptUsage, { requests }: HeldAttempt): UsageNow {
  const { memoryBytes, memoryPeakBytes, cpuMs, processes } = told;
  return create(UsageNowSchema, {
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(memoryPeakBytes === undefined ? {} : { memoryPeakBytes }),
    ...(requests.memoryBytes === 0 ? {} : { memoryLimitBytes: BigInt(requests.memoryBytes) }),
    ...(cpuMs === undefined ? {} : { cpuMs }),
    ...(processes === undefined ? {} : { processes }),
  });
}
