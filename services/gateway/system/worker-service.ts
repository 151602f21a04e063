import { createClient, type ServiceImpl, type Transport } from "@connectrpc/connect";
import { AppError } from "#errors/app-error.ts";
import { ExecutorService, type InstanceUsage } from "#gen/millrace/v1/executor_service_pb.js";
import type { WorkerAdminService } from "#gen/millrace/v1/worker_admin_service_pb.js";
import type { WorkerQueries, WorkerView } from "#ports/worker-views.ts";
import { workerStatuses } from "#ports/worker-views.ts";
import { readWords } from "../filter.ts";
import { forwardOptions } from "../forward.ts";
import { invalidField, readPage } from "../list-request.ts";
import type { UsageReader } from "../runs/usage-reader.ts";
import { toIncarnationMessage, toQueueMessage, toWorkerMessage, toWorkerStatsMessage } from "./worker-message.ts";

const maxIncarnations = 20;
/** Of all workers of an answer. */
const maxActiveTasks = 10_000;
const maxReasonLength = 500;

export interface WorkerServiceDeps {
  readonly queries: WorkerQueries;
  readonly usage: UsageReader;
  readonly executor: Transport;
  /** The store's clock. */
  readonly now: () => number;
}

/** Handles WorkerAdminService: reads from the store, asks an executor for a drain. */
export function createWorkerService({
  queries,
  usage,
  executor,
  now,
}: WorkerServiceDeps): ServiceImpl<typeof WorkerAdminService> {
  const executors = createClient(ExecutorService, executor);
  const withTasks = async (views: readonly WorkerView[], usages: readonly InstanceUsage[] = []) => {
    const tasks = await queries.listActiveTasks(
      views.map(({ workerKey }) => workerKey),
      maxActiveTasks,
    );
    const byWorker = Map.groupBy(tasks, ({ workerKey }) => workerKey);
    return views.map((view) => toWorkerMessage(view, byWorker.get(view.workerKey) ?? [], usages));
  };
  const readWorker = async (workerId: string) => {
    const incarnations = await queries.listIncarnations(workerId, maxIncarnations);
    const [newest] = incarnations;
    if (newest === undefined) {
      const message = `there is no worker ${workerId}; list them with \`millrace workers\``;
      throw new AppError("WORKER_NOT_FOUND", message, { details: { worker_id: workerId } });
    }
    const [worker] = await withTasks([newest], await usage.ofWorkers([workerId]));
    return { worker, incarnations };
  };
  return {
    async listWorkers(request) {
      const page = readPage(request);
      const states = request.state === "" ? [] : readWords("state", request.state.split(","), workerStatuses);
      const found = await queries.listWorkers(page, { states });
      return {
        workers: await withTasks(found.items),
        nextCursor: found.nextCursor ?? "",
        totalCount: BigInt(found.totalCount),
        pageSize: page.limit,
      };
    },

    async listWorkerStats(request) {
      const page = readPage(request);
      const found = await queries.listWorkerTotals(page);
      return {
        workers: found.items.map(toWorkerStatsMessage),
        nextCursor: found.nextCursor ?? "",
        totalCount: BigInt(found.totalCount),
        pageSize: page.limit,
      };
    },

    async getWorker({ workerId }) {
      const { worker, incarnations } = await readWorker(workerId);
      return { ...(worker === undefined ? {} : { worker }), incarnations: incarnations.map(toIncarnationMessage) };
    },

    async drainWorker({ workerId, reason }, context) {
      if (workerId === "") throw invalidField("worker_id", "is missing; name a worker");
      if (reason.length > maxReasonLength) throw invalidField("reason", `is longer than ${maxReasonLength} characters`);
      await executors.requestDrain({ workerId, reason }, forwardOptions(context));
      const { worker } = await readWorker(workerId);
      return worker === undefined ? {} : { worker };
    },

    async listQueues() {
      const found = await queries.listQueues();
      return { queues: found.map((queue) => toQueueMessage(queue, now())) };
    },
  };
}
