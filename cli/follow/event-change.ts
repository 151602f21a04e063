import { type RunState, runStates, type TaskState } from "#core/states.ts";
import type { ProgressChange } from "./run-progress.ts";

/** A published event of a run, from the store or from the API. */
export interface RunEventFacts {
  /** `dag_run.running`, `task_instance.success`, … */
  readonly eventType: string;
  /** The run's id, or the instance's: `<run>__<task>`, and `__<key>` for an item of a fan-out. */
  readonly resourceId: string;
  readonly at: number;
  readonly data: Readonly<Record<string, unknown>>;
}

const statesByEvent: Readonly<Record<string, TaskState>> = {
  "task_instance.cleared": "none",
  "task_instance.queued": "queued",
  "task_instance.running": "running",
  "task_instance.success": "success",
  "task_instance.failed": "failed",
  "task_instance.retry": "up_for_retry",
};

/** What an event changes in a live view; null for those that change nothing there (outputs, events of later versions). */
export function toProgressChange(event: RunEventFacts, runId: string): ProgressChange | null {
  if (event.eventType.startsWith("dag_run.")) return runChange(event);
  const state = event.eventType === "task_instance.skipped" ? skippedState(event.data) : statesByEvent[event.eventType];
  const taskId = textOf(event.data, "task_id");
  if (state === undefined || taskId === null) return null;
  const rest = event.resourceId.slice(`${runId}__${taskId}`.length);
  const delayMs = numberOf(event.data, "delay_ms");
  return {
    kind: "task",
    taskId,
    itemKey: rest.startsWith("__") ? rest.slice(2) : null,
    instanceId: event.resourceId,
    state,
    reason: textOf(event.data, "reason"),
    tryNumber: state === "none" ? 0 : numberOf(event.data, "try_number"),
    dueAt: delayMs === null ? null : event.at + delayMs,
    error: textOf(event.data, "error"),
    itemsTotal: numberOf(event.data, "items"),
    at: event.at,
  };
}

function runChange({ eventType, at, data }: RunEventFacts): ProgressChange {
  const ended = eventType === "dag_run.ended";
  const word = ended ? textOf(data, "state") : eventType.slice("dag_run.".length);
  return { kind: "run", state: runStates.find((state: RunState) => state === word) ?? null, ended, at };
}

/** `upstream_failed` and `removed` are published as a skip with that state. */
function skippedState(data: RunEventFacts["data"]): TaskState {
  const state = data["state"];
  return state === "upstream_failed" || state === "removed" ? state : "skipped";
}

function textOf(data: RunEventFacts["data"], key: string): string | null {
  const value = data[key];
  return typeof value === "string" && value !== "" ? value : null;
}

function numberOf(data: RunEventFacts["data"], key: string): number | null {
  const value = data[key];
  return typeof value === "number" ? value : null;
}
