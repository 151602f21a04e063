import { isTerminal, type TaskState, taskStates } from "#core/states.ts";
import type { ItemCounts } from "../follow/item-progress.ts";
import type { RunProgress, TaskProgress } from "../follow/run-progress.ts";
import type { Paint } from "./paint.ts";
import { runStateStyles, spinnerFrame, taskStateStyles } from "./state-style.ts";
import { paintSegments, type Segment } from "./segments.ts";
import { clip, displayWidth, harmlessLine, padTo } from "./terminal-text.ts";
import { durationText } from "./time-text.ts";
import type { TreeRow } from "./tree-layout.ts";

export interface FrameOptions {
  readonly now: number;
  /** Columns and rows that the frame may take. */
  readonly width: number;
  readonly height: number;
  readonly paint: Paint;
  /** A sentence for the last line, e.g. how to cancel; empty: none. */
  readonly hint: string;
}

/** Lines of a running task's log that are shown below it. */
const tailShown = 3;
const widestName = 48;
const longestWord = Math.max(...taskStates.map((state) => state.length));
const barWidth = 20;

/**
 * One picture of a run: header, tree of tasks with the tail of the active logs, progress. It fits the given size: what
 * does not fit is left out, ended tasks first, then those that wait, then logs.
 */
export function renderRunFrame(progress: RunProgress, options: FrameOptions): readonly string[] {
  const room = Math.max(1, options.height - 2 - (options.hint === "" ? 0 : 1));
  const rows = chooseRows(progress, room);
  const nameWidth = Math.min(
    widestName,
    Math.max(0, ...rows.map((row) => displayWidth(row.prefix) + displayWidth(row.id))),
  );
  const body: string[] = [];
  let spare = room - rows.length;
  for (const row of rows) {
    const task = progress.task(row.id);
    body.push(taskLine(row, task, nameWidth, options));
    const tail = task.state === "running" ? task.tail.slice(-Math.min(tailShown, Math.max(0, spare))) : [];
    spare -= tail.length;
    for (const text of tail) {
      body.push(options.paint("gray", clip(`${row.below}  ┆ ${harmlessLine(text)}`, options.width)));
    }
  }
  const hint = options.hint === "" ? [] : [options.paint("gray", clip(options.hint, options.width))];
  return [headerLine(progress, options), ...body, progressLine(progress, options), ...hint];
}

/** All rows where they fit; else those that matter most, still in the order of the tree. */
function chooseRows(progress: RunProgress, room: number): readonly TreeRow[] {
  if (progress.tree.length <= room) return progress.tree;
  const chosen = new Set<TreeRow>();
  for (const wanted of rowPriority) {
    for (const row of progress.tree) {
      if (chosen.size >= room) break;
      if (wanted(progress.task(row.id).state)) chosen.add(row);
    }
  }
  return progress.tree.filter((row) => chosen.has(row)).map((row) => ({ ...row, prefix: "", below: "", joins: [] }));
}

const rowPriority: readonly ((state: TaskState) => boolean)[] = [
  (state) => state === "running",
  (state) => state === "failed" || state === "up_for_retry",
  (state) => state === "queued",
  (state) => state === "none",
  (state) => isTerminal(state) && state !== "failed",
];

function headerLine(progress: RunProgress, { now, width, paint }: FrameOptions): string {
  const style = runStateStyles[progress.state];
  const icon = progress.state === "running" && progress.endedAt === null ? spinnerFrame(now) : style.icon;
  const since = progress.startedAt ?? progress.identity.queuedAt;
  const elapsed = durationText((progress.endedAt ?? now) - since);
  const goesOn = progress.endedAt === null && (progress.state === "failed" || progress.state === "cancelled");
  const word = goesOn ? `${style.word}, goes on` : style.word;
  const text = harmlessLine(`${progress.identity.dagId}  ${progress.identity.runId}  ${word}  ${elapsed}`);
  const segments: readonly Segment[] = [
    { text: `${icon} `, color: style.color },
    { text, color: "plain", attribute: "bold" },
  ];
  return paintSegments(segments, { width, paint });
}

function taskLine(row: TreeRow, task: TaskProgress, nameWidth: number, { now, width, paint }: FrameOptions): string {
  const style = taskStateStyles[task.state];
  const icon = task.state === "running" ? spinnerFrame(now) : style.icon;
  const name = padTo(clip(row.id, nameWidth - row.prefix.length), nameWidth - row.prefix.length);
  const segments: readonly Segment[] = [
    { text: row.prefix, color: "gray" },
    { text: name, color: "plain", ...(style.struck === true ? { attribute: "struck" } : {}) },
    { text: ` ${icon} ${padTo(style.word, longestWord)} `, color: style.color },
    { text: taskRemarks(row, task, now), color: "gray" },
  ];
  return paintSegments(segments, { width, paint });
}

/** Duration, attempt, next attempt, error, reason, and what the tree can't show of its parents. */
function taskRemarks(row: TreeRow, task: TaskProgress, now: number): string {
  const parts: string[] = [];
  if (task.state === "running" && task.startedAt !== null) parts.push(durationText(now - task.startedAt));
  if (isTerminal(task.state) && task.startedAt !== null && task.endedAt !== null) {
    parts.push(durationText(task.endedAt - task.startedAt));
  }
  if (task.items !== null) parts.push(itemsText(task.items));
  if (task.tryNumber > 1) parts.push(`attempt ${task.tryNumber}`);
  if (task.state === "up_for_retry" && task.dueAt !== null) parts.push(`next in ${durationText(task.dueAt - now)}`);
  const isBad = task.state === "failed" || task.state === "up_for_retry" || task.state === "skipped";
  if (isBad && task.reason !== null) parts.push(task.reason);
  if (isBad && task.error !== null) parts.push(harmlessLine(task.error));
  if (row.joins.length > 0 && !isTerminal(task.state)) parts.push(`after ${joinedNames(row.joins)}`);
  return parts.join(", ");
}

function itemsText({ total, ended, failed }: ItemCounts): string {
  return `${ended}/${total} items${failed === 0 ? "" : `, ${failed} failed`}`;
}

function joinedNames(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(" + ");
  return names.length > 3 ? `${shown} + ${names.length - 3} more` : shown;
}

function progressLine(progress: RunProgress, { width, paint }: FrameOptions): string {
  const ended = taskStates.filter(isTerminal).reduce((sum, state) => sum + progress.count(state), 0);
  const filled = progress.total === 0 ? barWidth : Math.floor((ended / progress.total) * barWidth);
  const bar = `${"━".repeat(filled)}${"─".repeat(barWidth - filled)}`;
  const counts = taskStates
    .filter((state) => progress.count(state) > 0)
    .map((state) => `${progress.count(state)} ${taskStateStyles[state].word}`)
    .join(" · ");
  return paint("gray", clip(`${bar} ${ended}/${progress.total}  ${counts}`, width));
}
