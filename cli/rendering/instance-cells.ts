import type { TaskInstance } from "#gen/millrace/v1/task_service_pb.js";
import { formatBytes } from "#runner/limit-breach.ts";
import { taskStateWord, timestampMillis } from "./proto-words.ts";
import { taskStateStyles } from "./state-style.ts";
import type { Cell } from "./table.ts";
import { durationText } from "./time-text.ts";

/** `task`, or `task[3]` for an item of a fan-out. */
export function instanceName(instance: TaskInstance): string {
  return instance.mapIndex === undefined ? instance.taskId : `${instance.taskId}[${instance.mapIndex}]`;
}

/** Attempts that cost nothing (drain) may lead beyond the maximum, which then says nothing. */
export function attemptText({ tryNumber, maxTries }: TaskInstance): string {
  if (tryNumber === 0) return "";
  return tryNumber > maxTries ? String(tryNumber) : `${tryNumber} of ${maxTries}`;
}

export function taskStateCell(instance: TaskInstance): Cell {
  const style = taskStateStyles[taskStateWord(instance.state)];
  return { text: `${style.icon} ${style.word}`, color: style.color, struck: style.struck === true };
}

export function instanceDuration(instance: TaskInstance, now: number): string {
  if (instance.durationMs !== undefined) return durationText(Number(instance.durationMs));
  const startedAt = timestampMillis(instance.startDate);
  return taskStateWord(instance.state) === "running" && startedAt !== null ? durationText(now - startedAt) : "";
}

/** What the last attempt used of processors; empty where it was not measured. */
export function cpuText({ cpuMs }: TaskInstance): string {
  return cpuMs === undefined ? "" : durationText(Number(cpuMs));
}

/** The most memory that the last attempt had; empty where it was not measured. */
export function memoryText({ memoryPeakBytes }: TaskInstance): string {
  return memoryPeakBytes === undefined ? "" : formatBytes(Number(memoryPeakBytes));
}

export function instanceDetails(instance: TaskInstance, now: number): string {
  const state = taskStateWord(instance.state);
  const retryAt = timestampMillis(instance.nextRetryTime);
  const parts = [
    state === "up_for_retry" && retryAt !== null ? `next in ${durationText(retryAt - now)}` : "",
    instance.stateReason,
    state === "failed" || state === "up_for_retry" ? (instance.error?.message ?? instance.lastError) : "",
  ];
  return parts.filter((part) => part !== "").join(", ");
}
