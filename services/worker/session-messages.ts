import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type Duration,
  durationFromMs,
  durationMs,
  type Timestamp,
  timestampDate,
  timestampFromMs,
} from "@bufbuild/protobuf/wkt";
import { toMilliCpus } from "#core/milli-cpus.ts";
import { noResources, type ResourceAmounts } from "#core/resource-amounts.ts";
import {
  type Assignment as AssignmentMessage,
  AttemptRefSchema,
  type ConsumptionSchema,
  type AttemptRef as AttemptRefMessage,
  type LogChunkSchema,
  LogSource,
  OutcomeKind,
  type OutcomeSchema,
  type Resources,
  type SessionRequest,
  SessionRequestSchema,
} from "#gen/millrace/v1/worker_session_service_pb.js";
import type { PoisonMessage } from "#ports/ticket-consumer.ts";
import { type AttemptLimits, type AttemptUsage, noLimits } from "#runner/attempt-limits.ts";
import type { LogText } from "#runner/runner-protocol.ts";
import type { Assignment, AttemptRef, AttemptReport } from "./attempt.ts";
import type { NumberedChunk } from "./attempt-logs.ts";
import type { TicketRef } from "./ticket-ref.ts";

const defaultGraceMs = 30_000;
const defaultLogMaxBytes = 64 * 1024 * 1024;

const kinds = {
  success: OutcomeKind.SUCCESS,
  failed: OutcomeKind.FAILED,
  skipped: OutcomeKind.SKIPPED,
  deferred: OutcomeKind.DEFERRED,
} as const satisfies Record<AttemptReport["kind"], OutcomeKind>;

const sources = {
  stdout: LogSource.STDOUT,
  stderr: LogSource.STDERR,
  system: LogSource.SYSTEM,
} as const satisfies Record<LogText["source"], LogSource>;

export function toRequest(message: MessageInitShape<typeof SessionRequestSchema>["message"]): SessionRequest {
  return create(SessionRequestSchema, message === undefined ? {} : { message });
}

/** Of a ticket without a fence: its claim gives it one. */
export function toRefMessage({ mapIndex, ...ref }: TicketRef & Partial<Pick<AttemptRef, "fence">>): AttemptRefMessage {
  return create(AttemptRefSchema, mapIndex === null ? ref : { ...ref, mapIndex });
}

export function fromRefMessage(message: AttemptRefMessage): AttemptRef {
  const { dagRunId, taskId, generation, tryNumber, fence } = message;
  return { dagRunId, taskId, mapIndex: message.mapIndex ?? null, generation, tryNumber, fence };
}

/** Null for an assignment that names no attempt. */
export function fromAssignment(message: AssignmentMessage): Assignment | null {
  if (message.attempt === undefined) return null;
  const { dagId, operatorType, environment, values, dagDirectory, traceparent, idempotencyKey, captureStdout } =
    message;
  return {
    ref: fromRefMessage(message.attempt),
    dagId,
    operatorType,
    operator: message.operator ?? {},
    environment,
    values,
    parameters: message.parameters ?? {},
    secrets: (message.secrets ?? {}) as Readonly<Record<string, string>>,
    timeoutMs: message.timeout === undefined ? null : durationMs(message.timeout),
    graceMs: fromDuration(message.gracePeriod, defaultGraceMs),
    logicalDate: toIsoText(message.executionDate),
    dagDirectory,
    traceparent,
    idempotencyKey,
    maxTries: message.maxTries,
    captureStdout,
    logMaxBytes: message.logMaxBytes > 0n ? Number(message.logMaxBytes) : defaultLogMaxBytes,
    ...fromEnclosure(message),
    ...(message.resources === undefined ? {} : { limits: fromResources(message.resources) }),
    requests: message.resources === undefined ? noResources : toRequests(message.resources),
  };
}

/** Words that this version does not know ask for the strictest that it knows: nothing ever runs more open than asked. */
function fromEnclosure({
  isolation,
  image,
  network,
  filesystem,
  allowPaths,
}: AssignmentMessage): Pick<Assignment, "enclosure"> {
  const isContainer = isolation !== "" && isolation !== "process";
  const reach = network === "" || network === "full" ? "full" : network === "outbound" ? "outbound" : "none";
  const isOpen = filesystem === "" || filesystem === "open";
  if (!isContainer && reach === "full" && isOpen) return {};
  const places = { network: reach, filesystem: isOpen ? "open" : "confined" } as const;
  return { enclosure: { isolation: isContainer ? "container" : "process", image, ...places, allowPaths } };
}

/** What is 0 is not limited. */
function fromResources({ cpu, memoryBytes, diskBytes }: Resources): AttemptLimits {
  return {
    ...noLimits,
    cpus: cpu > 0 ? cpu : null,
    memoryBytes: memoryBytes > 0n ? Number(memoryBytes) : null,
    diskBytes: diskBytes > 0n ? Number(diskBytes) : null,
  };
}

/** Rounded up: what is asked for is never less than what is used. */
function toRequests({ cpu, memoryBytes, diskBytes, gpus }: Resources): ResourceAmounts {
  return {
    milliCpus: toMilliCpus(cpu),
    memoryBytes: Number(memoryBytes),
    diskBytes: Number(diskBytes),
    gpus,
  };
}

function toConsumption({ cpuMs, memoryPeakBytes }: AttemptUsage): MessageInitShape<typeof ConsumptionSchema> {
  return {
    ...(cpuMs === null ? {} : { cpuMs: BigInt(Math.round(cpuMs)) }),
    ...(memoryPeakBytes === null ? {} : { memoryPeakBytes: BigInt(memoryPeakBytes) }),
  };
}

export function fromDuration(duration: Duration | undefined, fallbackMs: number): number {
  return duration === undefined ? fallbackMs : durationMs(duration);
}

export function toOutcomeMessage(ref: AttemptRef, report: AttemptReport): MessageInitShape<typeof OutcomeSchema> {
  const base = {
    attempt: toRefMessage(ref),
    kind: kinds[report.kind],
    outputs: report.outputs.map(({ key, json }) => ({ key, json })),
    duration: durationFromMs(Math.round(report.durationMs)),
    logChunks: BigInt(report.logChunks),
    ...(report.usage === undefined ? {} : { consumption: toConsumption(report.usage) }),
    ...(report.log === undefined ? {} : { log: toLogChunk({ ref, sequence: 1, ...report.log }) }),
  };
  switch (report.kind) {
    case "success":
      return report.exitCode === null ? base : { ...base, exitCode: report.exitCode };
    case "skipped":
      return base;
    case "deferred": {
      const until = report.dueAt === null ? {} : { until: timestampFromMs(report.dueAt) };
      return { ...base, deferral: { waitsFor: report.waitsFor ?? "", ...until } };
    }
    case "failed":
      return {
        ...base,
        errorCode: report.code,
        errorMessage: report.message,
        signal: report.signal ?? "",
        ...(report.exitCode === null ? {} : { exitCode: report.exitCode }),
        ...(report.retryable === null ? {} : { retryable: report.retryable }),
        ...(report.retryAfterMs === null ? {} : { retryAfter: durationFromMs(report.retryAfterMs) }),
      };
  }
}

export function toLogChunkMessage(
  chunk: NumberedChunk,
): NonNullable<MessageInitShape<typeof SessionRequestSchema>["message"]> {
  return { case: "logChunk", value: toLogChunk(chunk) };
}

/** One entry for each line; NUL, which no store of text takes, is shown by its symbol. */
function toLogChunk(chunk: NumberedChunk): MessageInitShape<typeof LogChunkSchema> {
  return {
    attempt: toRefMessage(chunk.ref),
    sequence: BigInt(chunk.sequence),
    droppedBytes: BigInt(chunk.droppedBytes),
    entries: chunk.entries.flatMap(({ at, source, text }) => {
      const common = { timeMs: BigInt(at), source: sources[source] };
      return text.split("\n").map((line) => ({ ...common, text: cleanLine(line) }));
    }),
  };
}

export function toPoisonReport(
  poison: PoisonMessage,
): NonNullable<MessageInitShape<typeof SessionRequestSchema>["message"]> {
  const { topic, partition, offset, reason, key, value, headers, size, isCut } = poison;
  const content = { ...(key === null ? {} : { key }), ...(value === null ? {} : { value }), headers: [...headers] };
  const facts = { topic, partition, offset: BigInt(offset), reason, size: BigInt(size), isCut };
  return { case: "poisonReport", value: { ...facts, ...content } };
}

function cleanLine(line: string): string {
  const text = line.endsWith("\r") ? line.slice(0, -1) : line;
  return text.includes("\0") ? text.replaceAll("\0", "␀") : text;
}

function toIsoText(timestamp: Timestamp | undefined): string {
  return timestamp === undefined ? "" : timestampDate(timestamp).toISOString();
}
