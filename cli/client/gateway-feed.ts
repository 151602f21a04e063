import { AppError } from "#errors/app-error.ts";
import type { Event } from "#gen/millrace/v1/event_service_pb.js";
import type { DagRun } from "#gen/millrace/v1/run_service_pb.js";
import { toProgressChange } from "../follow/event-change.ts";
import type { FeedAttempt, FeedLogLine, RunFeed } from "../follow/run-feed.ts";
import type { ProgressChange } from "../follow/run-progress.ts";
import { timestampMillis } from "../rendering/proto-words.ts";
import type { GatewayClient } from "./gateway-client.ts";
import { keepTrying } from "./keep-trying.ts";
import { readInstances, readRun, readTreeTasks } from "./read-run.ts";

/** Failures whose error is looked up; the rest are shown by their reason. */
const mostErrorsRead = 50;

/** An event is written after the end that it tells of; the executor's estimate of the clock may be ahead by so much. */
const eventSlackMs = 50;

/** Streams on one connection; servers and proxies allow 100. */
const maxConcurrentLogs = 64;

/** A run of a server as a feed: its events from the first on, resumed by their id when the connection is lost. */
export function createGatewayFeed(gateway: GatewayClient, run: DagRun, options: { onAway: () => void }): RunFeed {
  const { dagRunId, dagId } = run;
  let errorsRead = 0;

  const withError = async (change: ProgressChange): Promise<ProgressChange> => {
    if (change.kind !== "task" || change.state !== "failed" || change.error !== null) return change;
    errorsRead += 1;
    if (errorsRead > mostErrorsRead) return change;
    const error = await readError(gateway, change.instanceId);
    return error === null ? change : { ...change, error };
  };

  return {
    maxConcurrentLogs,
    async describe() {
      const tasks = await readTreeTasks(gateway, dagId);
      const identity = { dagId, runId: dagRunId, queuedAt: timestampMillis(run.queuedAt) ?? 0 };
      if (tasks.length > 0) return { identity, tasks };
      const instances = await readInstances(gateway, dagRunId);
      return { identity, tasks: instances.map((instance) => ({ id: instance.taskId, parents: [] })) };
    },
    async *changes(signal) {
      let afterId = 0n;
      let hasEnded = false;
      const open = () => gateway.events.streamEvents({ dagRunId, afterId }, { signal });
      for await (const { events } of keepTrying(open, () => hasEnded, { ...options, signal })) {
        const changes = events
          .map((event) => toProgressChange(eventFacts(event), dagRunId))
          .filter((change) => change !== null);
        afterId = events.at(-1)?.id ?? afterId;
        const end = changes.findLast((change) => change.kind === "run" && change.ended);
        hasEnded = end !== undefined && (await isPresentEnd(gateway, dagRunId, end.at));
        yield await Promise.all(changes.map(withError));
      }
    },
    logs: (attempt, signal) => streamLog(gateway, attempt, { ...options, signal }),
  };
}

/** Whether an end that an event tells of is the run's present one: a repair may have reopened it since. */
async function isPresentEnd(gateway: GatewayClient, runId: string, at: number): Promise<boolean> {
  const { endDate } = await readRun(gateway, { runId, dagId: undefined });
  const endedAt = timestampMillis(endDate);
  return endedAt !== null && endedAt <= at + eventSlackMs;
}

async function* streamLog(
  gateway: GatewayClient,
  { instanceId, tryNumber }: FeedAttempt,
  options: { signal: AbortSignal; onAway: () => void },
): AsyncGenerator<readonly FeedLogLine[]> {
  let after = 0n;
  let isComplete = false;
  const open = async function* () {
    const request = { id: instanceId, attempt: tryNumber, follow: true, after };
    yield* gateway.tasks.streamLogs(request, { signal: options.signal });
    isComplete = true;
  };
  for await (const { lines } of keepTrying(open, () => isComplete, { ...options, onAway: () => undefined })) {
    after = lines.at(-1)?.number ?? after;
    yield lines;
  }
}

async function readError(gateway: GatewayClient, id: string): Promise<string | null> {
  try {
    const { taskInstance } = await gateway.tasks.getTaskInstance({ id });
    const message = taskInstance?.error?.message ?? taskInstance?.lastError ?? "";
    return message === "" ? null : message;
  } catch (thrown) {
    if (thrown instanceof AppError) return null;
    throw thrown;
  }
}

function eventFacts(event: Event): {
  eventType: string;
  resourceId: string;
  at: number;
  data: Readonly<Record<string, unknown>>;
} {
  const { eventType, resourceId, timestamp, data } = event;
  return { eventType, resourceId, at: timestampMillis(timestamp) ?? 0, data: data ?? {} };
}
