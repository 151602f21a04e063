import { durationMs, timestampMs } from "@bufbuild/protobuf/wkt";
import {
  type Consumption,
  type LogChunk,
  LogSource,
  type Outcome,
  OutcomeKind,
} from "#gen/millrace/v1/worker_session_service_pb.js";
import type { AttemptUsage } from "#runner/attempt-limits.ts";
import type { AttemptRef, AttemptReport } from "./attempt.ts";
import { fromRefMessage } from "./session-messages.ts";

/** The way back from `toOutcomeMessage`: what was kept is said again as it was. Null when it names no attempt. */
export function fromOutcomeMessage(message: Outcome): { ref: AttemptRef; report: AttemptReport } | null {
  return message.attempt === undefined ? null : { ref: fromRefMessage(message.attempt), report: toReport(message) };
}

function toReport(message: Outcome): AttemptReport {
  const base = {
    durationMs: message.duration === undefined ? 0 : durationMs(message.duration),
    logChunks: Number(message.logChunks),
    outputs: message.outputs.map(({ key, json }) => ({ key, json })),
    ...(message.consumption === undefined ? {} : { usage: fromConsumption(message.consumption) }),
    ...(message.log === undefined ? {} : { log: fromLogChunk(message.log) }),
  };
  const { exitCode = null } = message;
  switch (message.kind) {
    case OutcomeKind.SUCCESS:
      return { ...base, kind: "success", exitCode };
    case OutcomeKind.SKIPPED:
      return { ...base, kind: "skipped" };
    case OutcomeKind.DEFERRED: {
      const { until, waitsFor = "" } = message.deferral ?? {};
      const dueAt = until === undefined ? null : timestampMs(until);
      return { ...base, kind: "deferred", dueAt, waitsFor: waitsFor === "" ? null : waitsFor };
    }
    case OutcomeKind.FAILED:
      return {
        ...base,
        kind: "failed",
        exitCode,
        code: message.errorCode,
        message: message.errorMessage,
        signal: message.signal === "" ? null : message.signal,
        retryable: message.retryable ?? null,
        retryAfterMs: message.retryAfter === undefined ? null : durationMs(message.retryAfter),
      };
    case OutcomeKind.UNSPECIFIED:
      throw new TypeError("its kind is unknown; a newer program wrote it");
  }
}

const sources = {
  [LogSource.UNSPECIFIED]: "system",
  [LogSource.STDOUT]: "stdout",
  [LogSource.STDERR]: "stderr",
  [LogSource.SYSTEM]: "system",
} as const satisfies Record<LogSource, string>;

function fromLogChunk({ entries, droppedBytes }: LogChunk): NonNullable<AttemptReport["log"]> {
  return {
    entries: entries.map(({ timeMs, source, text }) => ({ at: Number(timeMs), source: sources[source], text })),
    droppedBytes: Number(droppedBytes),
  };
}

function fromConsumption({ cpuMs, memoryPeakBytes }: Consumption): AttemptUsage {
  return {
    cpuMs: cpuMs === undefined ? null : Number(cpuMs),
    memoryPeakBytes: memoryPeakBytes === undefined ? null : Number(memoryPeakBytes),
  };
}
