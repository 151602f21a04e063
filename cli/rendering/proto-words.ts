import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { RunState, TaskState } from "#core/states.ts";
import { DropReason as ProtoDropReason, FireNote as ProtoFireNote } from "#gen/millrace/v1/dag_service_pb.js";
import { RunState as ProtoRunState } from "#gen/millrace/v1/run_service_pb.js";
import { TaskState as ProtoTaskState } from "#gen/millrace/v1/task_service_pb.js";
import { WorkerStatus as ProtoWorkerStatus } from "#gen/millrace/v1/worker_admin_service_pb.js";
import type { DropReason } from "#ports/schedule-store.ts";
import type { WorkerStatus } from "#ports/worker-views.ts";
import type { FireNote } from "#schedule/fire-time.ts";

const runStateWords: Readonly<Record<ProtoRunState, RunState | null>> = {
  [ProtoRunState.UNSPECIFIED]: null,
  [ProtoRunState.QUEUED]: "queued",
  [ProtoRunState.RUNNING]: "running",
  [ProtoRunState.SUCCESS]: "success",
  [ProtoRunState.FAILED]: "failed",
  [ProtoRunState.UP_FOR_RETRY]: "up_for_retry",
  [ProtoRunState.CANCELLED]: "cancelled",
};

const taskStateWords: Readonly<Record<ProtoTaskState, TaskState>> = {
  [ProtoTaskState.UNSPECIFIED]: "none",
  [ProtoTaskState.NONE]: "none",
  [ProtoTaskState.QUEUED]: "queued",
  [ProtoTaskState.RUNNING]: "running",
  [ProtoTaskState.SUCCESS]: "success",
  [ProtoTaskState.FAILED]: "failed",
  [ProtoTaskState.UP_FOR_RETRY]: "up_for_retry",
  [ProtoTaskState.UPSTREAM_FAILED]: "upstream_failed",
  [ProtoTaskState.SKIPPED]: "skipped",
  [ProtoTaskState.REMOVED]: "removed",
};

const fireNoteWords: Readonly<Record<ProtoFireNote, FireNote | null>> = {
  [ProtoFireNote.UNSPECIFIED]: null,
  [ProtoFireNote.GAP]: "gap",
  [ProtoFireNote.OVERLAP]: "overlap",
  [ProtoFireNote.CLAMPED]: "clamped",
};

const dropReasonWords: Readonly<Record<ProtoDropReason, DropReason | null>> = {
  [ProtoDropReason.UNSPECIFIED]: null,
  [ProtoDropReason.MISSED]: "missed",
  [ProtoDropReason.LIMIT]: "limit",
  [ProtoDropReason.OVERLAP]: "overlap",
};

const workerStatusWords: Readonly<Record<ProtoWorkerStatus, WorkerStatus | null>> = {
  [ProtoWorkerStatus.UNSPECIFIED]: null,
  [ProtoWorkerStatus.STARTING]: "starting",
  [ProtoWorkerStatus.HEALTHY]: "healthy",
  [ProtoWorkerStatus.DEGRADED]: "degraded",
  [ProtoWorkerStatus.DRAINING]: "draining",
  [ProtoWorkerStatus.RECOVERING]: "recovering",
  [ProtoWorkerStatus.LOST]: "lost",
  [ProtoWorkerStatus.STOPPED]: "stopped",
};

/** The word of a run's state; a server newer than this program may send one that it does not know: `queued` then. */
export function runStateWord(state: ProtoRunState): RunState {
  return runStateWords[state] ?? "queued";
}

export function taskStateWord(state: ProtoTaskState): TaskState {
  return taskStateWords[state] ?? "none";
}

/** `unknown` where a newer server has another word. */
export function workerStatusWord(status: ProtoWorkerStatus): WorkerStatus | "unknown" {
  return workerStatusWords[status] ?? "unknown";
}

export function fireNoteWord(note: ProtoFireNote): FireNote | null {
  return fireNoteWords[note] ?? null;
}

export function dropReasonWord(reason: ProtoDropReason): DropReason | null {
  return dropReasonWords[reason] ?? null;
}

/** Milliseconds since 1970; null where the message has no time. */
export function timestampMillis(timestamp: Timestamp | undefined): number | null {
  return timestamp === undefined ? null : Number(timestamp.seconds) * 1000 + Math.floor(timestamp.nanos / 1_000_000);
}
