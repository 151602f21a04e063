import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { formatInstanceId } from "#core/instance-id.ts";
import type { ResourceAmounts } from "#core/resource-amounts.ts";
import type { InstanceUsage } from "#gen/millrace/v1/executor_service_pb.js";
import {
  type ActiveTaskSchema,
  type QueueSchema,
  type WorkerIncarnationSchema,
  type WorkerResourcesSchema,
  type WorkerSchema,
  type WorkerStatsSchema,
  WorkerStatus as WorkerStatusMessage,
} from "#gen/millrace/v1/worker_admin_service_pb.js";
import type { ActiveTask, QueueView, WorkerStatus, WorkerTotals, WorkerView } from "#ports/worker-views.ts";
import { integerOrAbsent, timeOrAbsent } from "../optional-fields.ts";
import { findUsage } from "../runs/usage-reader.ts";

const statuses = {
  starting: WorkerStatusMessage.STARTING,
  healthy: WorkerStatusMessage.HEALTHY,
  degraded: WorkerStatusMessage.DEGRADED,
  draining: WorkerStatusMessage.DRAINING,
  recovering: WorkerStatusMessage.RECOVERING,
  lost: WorkerStatusMessage.LOST,
  stopped: WorkerStatusMessage.STOPPED,
} as const satisfies Record<WorkerStatus, WorkerStatusMessage>;

/** A worker as the API shows it; `tasks` are those that it has, `usages` what is told of them. */
export function toWorkerMessage(
  view: WorkerView,
  tasks: readonly ActiveTask[],
  usages: readonly InstanceUsage[],
): MessageInitShape<typeof WorkerSchema> {
  const takesWork = view.status === "healthy";
  return {
    workerId: view.workerId,
    hostname: view.hostname,
    status: statuses[view.status],
    statusReason: view.statusReason === "" ? (view.drainReason ?? "") : view.statusReason,
    version: view.version,
    labels: { ...view.labels },
    queues: [...view.queues],
    capabilities: [...view.capabilities],
    hostCapabilities: [...view.hostCapabilities],
    slots: view.slots,
    availableSlots: takesWork ? view.freeSlots : 0,
    resources: toResources(view.resources),
    availableResources: toResources(view.room),
    activeTasks: tasks.map((task) => ({ ...toActiveTaskMessage(task), usage: findUsage(usages, task) })),
    resourceUsage: view.usage ?? undefined,
    lastHeartbeat: timestampFromMs(view.lastBeatAt),
    lastTaskCompleted: timeOrAbsent(view.lastTaskAt),
    startDate: timestampFromMs(view.startedAt),
    executorId: view.executorId,
    incarnation: view.incarnation,
    succeeded: BigInt(view.succeededCount),
    failed: BigInt(view.failedCount),
  };
}

export function toIncarnationMessage(view: WorkerView): MessageInitShape<typeof WorkerIncarnationSchema> {
  return {
    incarnation: view.incarnation,
    status: statuses[view.status],
    version: view.version,
    hostname: view.hostname,
    startDate: timestampFromMs(view.startedAt),
    endDate: timeOrAbsent(view.endedAt),
    lastHeartbeat: timestampFromMs(view.lastBeatAt),
    succeeded: BigInt(view.succeededCount),
    failed: BigInt(view.failedCount),
  };
}

export function toWorkerStatsMessage(totals: WorkerTotals): MessageInitShape<typeof WorkerStatsSchema> {
  const { workerId, incarnations: starts, losses, succeededCount, failedCount, lastTaskAt } = totals;
  const ended = succeededCount + failedCount;
  return {
    workerId,
    starts,
    losses,
    succeeded: BigInt(succeededCount),
    failed: BigInt(failedCount),
    failurePercent: ended === 0 ? 0 : Math.round((failedCount / ended) * 1000) / 10,
    lastTaskCompleted: timeOrAbsent(lastTaskAt),
  };
}

/** `now` is the store's clock. */
export function toQueueMessage(view: QueueView, now: number): MessageInitShape<typeof QueueSchema> {
  const { queue, depth, hasMore, oldestAt, workers, slots, freeSlots } = view;
  return {
    queue,
    depth: BigInt(depth),
    hasMore,
    oldestQueuedAt: timeOrAbsent(oldestAt),
    oldestWaitMs: integerOrAbsent(oldestAt === null ? null : Math.max(0, now - oldestAt)),
    workers,
    slots: BigInt(slots),
    availableSlots: BigInt(freeSlots),
  };
}

/** More may be taken than there is for a moment: that shows as nothing. */
function toResources(amounts: ResourceAmounts): MessageInitShape<typeof WorkerResourcesSchema> {
  const { milliCpus, memoryBytes, diskBytes, gpus } = amounts;
  return {
    cpu: Math.max(0, milliCpus) / 1000,
    memoryBytes: BigInt(Math.max(0, memoryBytes)),
    diskBytes: BigInt(Math.max(0, diskBytes)),
    gpus: Math.max(0, gpus),
  };
}

function toActiveTaskMessage(task: ActiveTask): MessageInitShape<typeof ActiveTaskSchema> {
  const { runId, dagId, taskId, mapIndex, itemKey, tryNumber, startedAt } = task;
  return {
    id: formatInstanceId(runId, taskId, itemKey),
    dagRunId: runId,
    dagId,
    taskId,
    mapIndex: mapIndex ?? undefined,
    tryNumber,
    startDate: timeOrAbsent(startedAt),
  };
}
