import { durationMs } from "@bufbuild/protobuf/wkt";
import type { AttemptOutcome, AttemptUsage } from "#core/run-event.ts";
import { type LogChunk, LogSource, type Outcome, OutcomeKind } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { NewLogChunk } from "#ports/log-store.ts";
import type { HeldAttempt } from "./held-attempt.ts";

/** The protocol's outcome as the rules take it. `random` (0…1) spreads the retry's delay. */
export function fromOutcome(outcome: Outcome, random: number): AttemptOutcome {
  const outputs = outcome.outputs.map(({ key, json }) => ({ key, json }));
  switch (outcome.kind) {
    case OutcomeKind.SUCCESS:
      return { kind: "success", outputs };
    case OutcomeKind.SKIPPED:
      return { kind: "skipped" };
    case OutcomeKind.DEFERRED:
      return { kind: "deferred", dueAt: toMs(outcome.deferral?.until), waitsFor: outcome.deferral?.waitsFor || null };
    case OutcomeKind.FAILED:
    case OutcomeKind.UNSPECIFIED:
      return {
        kind: "failed",
        outputs,
        failure: {
          code: outcome.errorCode === "" ? "unknown" : outcome.errorCode,
          message: outcome.errorMessage.replaceAll("\0", "�"),
          exitCode: outcome.exitCode ?? null,
          signal: outcome.signal === "" ? null : outcome.signal,
          retryable: outcome.retryable ?? null,
          retryAfterMs: outcome.retryAfter === undefined ? null : durationMs(outcome.retryAfter),
          random,
        },
      };
  }
}

/** What the worker measured; null: nothing. */
export function fromConsumption({ consumption }: Outcome): AttemptUsage | null {
  if (consumption === undefined) return null;
  const { cpuMs, memoryPeakBytes } = consumption;
  return {
    cpuMs: cpuMs === undefined ? null : Number(cpuMs),
    memoryPeakBytes: memoryPeakBytes === undefined ? null : Number(memoryPeakBytes),
  };
}

const logSources = {
  [LogSource.UNSPECIFIED]: "system",
  [LogSource.STDOUT]: "stdout",
  [LogSource.STDERR]: "stderr",
  [LogSource.SYSTEM]: "system",
} as const satisfies Record<LogSource, string>;

export function fromLogChunk(chunk: LogChunk, held: HeldAttempt): NewLogChunk {
  return {
    runKey: held.runKey,
    ordinal: held.ordinal,
    generation: held.ref.generation,
    tryNumber: held.ref.tryNumber,
    sequence: Number(chunk.sequence),
    entries: chunk.entries.map((entry) => ({
      at: Number(entry.timeMs),
      source: logSources[entry.source],
      text: entry.text,
    })),
    droppedBytes: Number(chunk.droppedBytes),
  };
}

/** Of what a worker sends with an outcome: characters of text, each line with 32 more. */
const maxShortCost = 192 * 1024;
const lineCost = 32;

/** Whether a chunk may be written with its outcome: it is the first, and small. */
export function isShort({ sequence, entries }: NewLogChunk): boolean {
  return sequence === 1 && entries.reduce((sum, { text }) => sum + text.length + lineCost, 0) <= maxShortCost;
}

function toMs(timestamp: { readonly seconds: bigint; readonly nanos: number } | undefined): number | null {
  return timestamp === undefined ? null : Number(timestamp.seconds) * 1000 + Math.round(timestamp.nanos / 1e6);
}
