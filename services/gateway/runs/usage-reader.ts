import { createClient, type Transport } from "@connectrpc/connect";
import { ExecutorService, type InstanceUsage } from "#gen/millrace/v1/executor_service_pb.js";
import type { UsageNow } from "#gen/millrace/v1/task_service_pb.js";
import type { InstanceView } from "#ports/run-views.ts";

/** An executor that does not answer in this time says nothing: people wait for what is known. */
const answerTimeoutMs = 250;
/** One that gave no answer is left alone for so long. */
const silenceMs = 10_000;

/** What attempts use now. Executors keep that in memory, each of the workers that are connected to it, so that all are asked. */
export interface UsageReader {
  /** Undefined: it does not run, or nobody tells. */
  ofInstance(view: InstanceView): Promise<UsageNow | undefined>;
  ofWorkers(workerIds: readonly string[]): Promise<readonly InstanceUsage[]>;
}

/**
 * `executors` answers one transport for each, the same each time; `now` is a clock in milliseconds. Never rejects: what can't
 * be asked says nothing.
 */
export function createUsageReader(executors: () => Promise<readonly Transport[]>, now: () => number): UsageReader {
  const silentUntil = new WeakMap<Transport, number>();
  const ask = (transport: Transport, workerIds: readonly string[]): Promise<readonly InstanceUsage[]> =>
    createClient(ExecutorService, transport)
      .listUsage({ workerIds: [...workerIds] }, { timeoutMs: answerTimeoutMs })
      .then(({ usages }) => usages)
      .catch(() => {
        silentUntil.set(transport, now() + silenceMs);
        return [];
      });
  const ofWorkers: UsageReader["ofWorkers"] = async (workerIds) => {
    if (workerIds.length === 0) return [];
    const transports = await executors().catch(() => []);
    const asked = transports.filter((transport) => now() >= (silentUntil.get(transport) ?? 0));
    const answers = await Promise.all(asked.map((transport) => ask(transport, workerIds)));
    return answers.flat();
  };
  return {
    ofWorkers,
    async ofInstance(view) {
      if (view.state !== "running" || view.workerId === null) return undefined;
      return findUsage(await ofWorkers([view.workerId]), view);
    },
  };
}

/** Undefined: nobody tells of it. */
export function findUsage(
  usages: readonly InstanceUsage[],
  attempt: Pick<InstanceView, "runId" | "taskId" | "mapIndex" | "tryNumber">,
): UsageNow | undefined {
  return usages.find((usage) => {
    const isInstance = usage.dagRunId === attempt.runId && usage.taskId === attempt.taskId;
    return isInstance && (usage.mapIndex ?? null) === attempt.mapIndex && usage.tryNumber === attempt.tryNumber;
  })?.usage;
}
