import { isTerminal, type TaskState, taskStates } from "#core/states.ts";
import type { ProgressChange, RunProgress, TaskProgress } from "../follow/run-progress.ts";
import type { Paint } from "./paint.ts";
import { runStateStyles, taskStateStyles } from "./state-style.ts";
import { harmlessLine } from "./terminal-text.ts";
import { clockText, durationText } from "./time-text.ts";

/** A change as one plain line for logs and CI, after it was applied; null for those that say nothing new to people. */
export function renderChangeLine(progress: RunProgress, change: ProgressChange, paint: Paint): string | null {
  const clock = paint("gray", clockText(change.at));
  if (change.kind === "run") {
    if (change.ended || change.state === null) return null;
    const style = runStateStyles[change.state];
    return `${clock} ${paint(style.color, style.icon)} run ${progress.identity.runId} ${style.word}`;
  }
  if (change.state === "none") return null;
  const style = taskStateStyles[change.state];
  const name = change.itemKey === null ? change.taskId : `${change.taskId}[${change.itemKey}]`;
  const details = changeDetails(progress.task(change.taskId), change);
  return `${clock} ${paint(style.color, style.icon)} ${name} ${style.word}${details === "" ? "" : `: ${details}`}`;
}

/** A line of a task's log, with the task before it. */
export function renderLogLine(options: { taskId: string; source: string; text: string; paint: Paint }): string {
  const color = options.source === "stderr" ? "yellow" : "gray";
  return `${options.paint(color, `${options.taskId} |`)} ${harmlessLine(options.text)}`;
}

function changeDetails(task: TaskProgress, change: Extract<ProgressChange, { kind: "task" }>): string {
  const parts: string[] = [];
  if (isTerminal(change.state) && task.startedAt !== null && change.itemKey === null) {
    parts.push(durationText(change.at - task.startedAt));
  }
  if (change.state === "running" && task.tryNumber > 1) parts.push(`attempt ${task.tryNumber}`);
  if (change.state === "up_for_retry" && change.dueAt !== null)
    parts.push(`next in ${durationText(change.dueAt - change.at)}`);
  if (change.reason !== null) parts.push(change.reason);
  if (change.error !== null && change.state !== "success") parts.push(harmlessLine(change.error));
  return parts.join(", ");
}

export interface SummaryOptions {
  readonly paint: Paint;
  /** True: the last lines of each failed task's log too, where they were not printed before. */
  readonly withTails: boolean;
}

/** The end of a run in a few lines: state, duration, counts, and each task that failed with its cause. */
export function renderSummary(progress: RunProgress, { paint, withTails }: SummaryOptions): readonly string[] {
  const style = runStateStyles[progress.state];
  const since = progress.startedAt ?? progress.identity.queuedAt;
  const elapsed = progress.endedAt === null ? "" : ` in ${durationText(progress.endedAt - since)}`;
  const counts = taskStates.filter((state) => progress.count(state) > 0).map((state) => countText(progress, state));
  const lines = [
    `${paint(style.color, `${style.icon} ${style.word}`)} ${progress.identity.dagId} ${progress.identity.runId}${elapsed}: ${counts.join(", ")}`,
  ];
  const failed = [...progress.tasks()].filter((task) => task.state === "failed");
  for (const task of failed.slice(0, failuresListed)) {
    lines.push(`  ${paint("red", "✗")} ${task.taskId}: ${harmlessLine(task.error ?? task.reason ?? "failed")}`);
    if (withTails) lines.push(...task.tail.map((text) => paint("gray", `    ┆ ${harmlessLine(text)}`)));
  }
  if (failed.length > failuresListed) lines.push(`  … and ${failed.length - failuresListed} more failed tasks`);
  return lines;
}

const failuresListed = 20;

function countText(progress: RunProgress, state: TaskState): string {
  return `${progress.count(state)} ${taskStateStyles[state].word}`;
}
