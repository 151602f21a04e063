import type { Instance } from "#core/run-model.ts";
import type { AttemptView, InstanceView } from "#ports/run-views.ts";
import type { Queries } from "#ports/queries.ts";
import { readInstanceId } from "../instance-id.ts";
import { findAttempt } from "./apply-decision.ts";
import type { MemoryState } from "./memory-state.ts";
import type { StoredAttempt, StoredRun } from "./stored-run.ts";
import { type MemoryOrder, never, pageOf } from "./page.ts";

const inOneRun: readonly MemoryOrder<InstanceView>[] = [{ value: (view) => view.ordinal, descending: false }];
const inManyRuns: readonly MemoryOrder<InstanceView>[] = [
  { value: (view) => view.runKey, descending: true },
  ...inOneRun,
];

const sorts = {
  task_id: (view: InstanceView) => view.taskId,
  state: (view: InstanceView) => view.state,
  queued_at: (view: InstanceView) => view.queuedAt ?? never,
  start_date: (view: InstanceView) => view.startedAt ?? never,
  end_date: (view: InstanceView) => view.endedAt ?? never,
};

export function createMemoryInstanceQueries(
  state: MemoryState,
): Pick<Queries, "listInstances" | "getInstance" | "listAttempts" | "listOutputs" | "listOutputBeginnings"> {
  return {
    async listInstances(page, { runId, dagId, states, runningLongerThanMs }) {
      const runs =
        runId === null ? [...state.runs.values()] : [state.findRun(runId)].filter((run) => run !== undefined);
      const views = runs
        .filter((run) => dagId === null || run.row.dagId === dagId)
        .flatMap((run) =>
          run.instances
            .filter(
              (instance) => runningLongerThanMs === null || runsLonger(instance, state.now() - runningLongerThanMs),
            )
            .map((instance) => instanceView(state, run, instance)),
        )
        .filter((view) => states.length === 0 || states.includes(view.state));
      return pageOf(views, page, { order: runId === null ? inManyRuns : inOneRun, sorts });
    },
    async getInstance(instanceId) {
      for (const { runId, rest } of readInstanceId(instanceId)) {
        const run = state.findRun(runId);
        const instance = run?.instances.find((one) => nameOf(run, one) === rest);
        if (run !== undefined && instance !== undefined) return instanceView(state, run, instance);
      }
      return null;
    },
    async listAttempts(runKey, ordinal) {
      return (state.runs.get(runKey)?.attempts.get(ordinal) ?? [])
        .toSorted((a, b) => a.opened.generation - b.opened.generation || a.opened.tryNumber - b.opened.tryNumber)
        .map((attempt) => attemptView(state, attempt));
    },
    async listOutputs(runId, taskId) {
      const run = state.findRun(runId);
      if (run === undefined) return [];
      return run.instances
        .filter((instance) => taskId === null || taskIdOf(run, instance) === taskId)
        .flatMap((instance) =>
          [...(run.outputs.get(instance.ordinal) ?? [])]
            .filter(([, output]) => output.generation === instance.generation)
            .toSorted(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, { json, at }]) => ({
              runId,
              taskId: taskIdOf(run, instance),
              mapIndex: instance.mapIndex,
              key,
              json,
              at,
            })),
        );
    },
    async listOutputBeginnings({ runKey, ordinal }, { characters, limit }) {
      const run = state.runs.get(runKey);
      return [...(run?.outputs.get(ordinal) ?? [])]
        .filter(([, output]) => output.generation === run?.instances[ordinal]?.generation)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .slice(0, limit)
        .map(([key, { json }]) => ({
          key,
          beginning: Array.from(json.slice(0, 2 * characters))
            .slice(0, characters)
            .join(""),
          sizeBytes: Buffer.byteLength(json),
        }));
    },
  };
}

/** Has an attempt that began before; groups of fan-outs have none. */
function runsLonger({ held, state, startedAt }: Instance, at: number): boolean {
  return held && state === "running" && startedAt !== null && startedAt < at;
}

function taskIdOf(run: StoredRun, instance: Instance): string {
  return run.plan.tasks[instance.task]?.id ?? "";
}

function nameOf(run: StoredRun, instance: Instance): string {
  return instance.itemKey === null ? taskIdOf(run, instance) : `${taskIdOf(run, instance)}__${instance.itemKey}`;
}

function instanceView(state: MemoryState, run: StoredRun, instance: Instance): InstanceView {
  const task = run.plan.tasks[instance.task];
  const worker = instance.workerKey === null ? undefined : state.workers.get(instance.workerKey);
  const closed = findAttempt(run, instance)?.closed ?? null;
  return {
    runKey: run.row.runKey,
    ordinal: instance.ordinal,
    runId: run.row.runId,
    dagId: run.row.dagId,
    taskId: taskIdOf(run, instance),
    mapIndex: instance.mapIndex,
    itemKey: instance.itemKey,
    state: instance.state,
    reason: instance.reason,
    generation: instance.generation,
    tryNumber: instance.tryNumber,
    maxRetries: task?.retry.maxRetries ?? 0,
    infraTries: instance.infraTries,
    operatorType: task?.operatorType ?? "",
    queue: task?.queue ?? "",
    workerId: worker?.workerId ?? null,
    hostname: worker?.hello.hostname ?? null,
    parents: instance.parents,
    queuedAt: instance.queuedAt,
    startedAt: instance.startedAt,
    endedAt: instance.endedAt,
    dueAt: instance.dueAt,
    exitCode: closed?.exitCode ?? null,
    errorCode: closed?.errorCode ?? null,
    errorMessage: closed?.errorMessage ?? null,
    lastError: instance.lastError,
    cpuMs: closed?.usage?.cpuMs ?? null,
    memoryPeakBytes: closed?.usage?.memoryPeakBytes ?? null,
  };
}

function attemptView(state: MemoryState, { opened, closed }: StoredAttempt): AttemptView {
  return {
    tryNumber: opened.tryNumber,
    generation: opened.generation,
    state: closed?.state ?? "running",
    startedAt: opened.startedAt,
    endedAt: closed?.endedAt ?? null,
    workerId: state.workers.get(opened.workerKey ?? -1)?.workerId ?? null,
    exitCode: closed?.exitCode ?? null,
    signal: closed?.signal ?? null,
    errorMessage: closed?.errorMessage ?? null,
    retryReason: closed?.retryReason ?? null,
    nextRetryAt: closed?.nextRetryAt ?? null,
    backoffDelayMs: closed?.backoffDelayMs ?? null,
    cpuMs: closed?.usage?.cpuMs ?? null,
    memoryPeakBytes: closed?.usage?.memoryPeakBytes ?? null,
  };
}
