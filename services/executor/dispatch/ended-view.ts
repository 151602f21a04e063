import { parentEdges } from "#core/graph.ts";
import type { Hook } from "#core/hook.ts";
import type { Instance, RunAggregate } from "#core/run-model.ts";
import type { EndedView } from "#definition/rendering/render-context.ts";

/** So many failed tasks are named; the others are counted. */
const maxNamedTasks = 20;
/** Of an error in a list of several. */
const maxErrorCharacters = 1000;

type FailedTask = EndedView["failed_tasks"][number];

/** What a hook is told of, from the run as it is when the hook starts. */
export function endedView(run: RunAggregate, instance: Instance, hook: Hook): EndedView {
  const state = hook.on === "success" ? "success" : "failed";
  const ended = hook.of === "task" ? parentOf(run, instance) : null;
  const failed = state === "success" ? [] : ended === null ? failedTasksOf(run) : [ended];
  const failedTasks = failed.slice(0, maxNamedTasks).map((row) => toFailedTask(run, row));
  const end = {
    task_id: ended === null ? null : taskIdOf(run, ended),
    state,
    error: failedTasks[0]?.error ?? "",
    duration_ms: durationMs(run, ended),
    failed_count: failed.length,
    failed_tasks: failedTasks,
  } as const;
  return { ...end, message: describeEnd(run, end) };
}

/** The task whose hook it is: its one parent. */
function parentOf({ plan, instances }: RunAggregate, { task }: Instance): Instance | null {
  const [edge] = parentEdges(plan.graph, task);
  return instances.find((row) => row.task === edge?.task && row.mapIndex === null) ?? null;
}

/** The tasks whose own failure fails the run; what was never called because of them is not among them. */
function failedTasksOf({ instances }: RunAggregate): readonly Instance[] {
  return instances.filter(({ mapIndex, state, exempt }) => mapIndex === null && state === "failed" && !exempt);
}

function toFailedTask(run: RunAggregate, row: Instance): FailedTask {
  const error = row.lastError ?? row.reason ?? "";
  return {
    task_id: taskIdOf(run, row),
    error: error.length > maxErrorCharacters ? `${error.slice(0, maxErrorCharacters)}…` : error,
  };
}

/** From the first attempt to the last end; of a run to the last end of its tasks, since it has none itself yet. */
function durationMs({ run, instances, plan }: RunAggregate, ended: Instance | null): number | null {
  if (ended !== null) {
    const { firstStartedAt, endedAt } = ended;
    return firstStartedAt === null || endedAt === null ? null : endedAt - firstStartedAt;
  }
  if (run.startedAt === null) return null;
  let lastAt = run.startedAt;
  for (const { task, endedAt } of instances) {
    if (plan.tasks[task]?.hook === undefined && endedAt !== null && endedAt > lastAt) lastAt = endedAt;
  }
  return lastAt - run.startedAt;
}

function describeEnd({ run }: RunAggregate, end: Omit<EndedView, "message">): string {
  const ofRun = `run ${run.runId} of ${run.dagId}`;
  if (end.task_id !== null) {
    const what = `task ${end.task_id} in ${ofRun}`;
    return end.state === "success" ? `${what} succeeded` : `${what} failed: ${end.error}`;
  }
  if (end.state === "success") return `${ofRun} succeeded`;
  const named = end.failed_tasks.map(({ task_id: id, error }) => `${id}: ${error}`);
  const others = end.failed_count - named.length;
  return [`${ofRun} failed`, ...named, ...(others > 0 ? [`and ${others} more`] : [])].join("\n");
}

function taskIdOf({ plan }: RunAggregate, { task }: Instance): string {
  return plan.tasks[task]?.id ?? "";
}
