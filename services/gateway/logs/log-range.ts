import type { MessageInitShape } from "@bufbuild/protobuf";
import type { StreamLogsResponseSchema } from "#gen/millrace/v1/task_service_pb.js";
import type { AttemptAddress, LogStore } from "#ports/log-store.ts";
import type { InstanceView } from "#ports/run-views.ts";
import { type ByteRange, readByteRange } from "./byte-range.ts";

export interface LogPart extends ByteRange {
  readonly attempt: AttemptAddress;
  /** Bytes of the whole log. */
  readonly total: number;
}

/** The part of a log that a `Range` header asks for, as the log is now; null: the header is to be ignored. */
export async function findLogRange(
  logs: LogStore,
  { runKey, ordinal, generation, tryNumber: newest }: InstanceView,
  { tryNumber, range }: { readonly tryNumber: number; readonly range: string },
): Promise<LogPart | null> {
  const attempt = { runKey, ordinal, generation, tryNumber: tryNumber === 0 ? newest : tryNumber };
  const total = await logs.textSize(attempt);
  const found = total === null ? null : readByteRange(range, total);
  return total === null || found === null ? null : { ...found, total, attempt };
}

/** The range, and then its bytes as they are read. */
export async function* streamLogRange(
  logs: LogStore,
  { attempt, start, end, total }: LogPart,
): AsyncGenerator<MessageInitShape<typeof StreamLogsResponseSchema>> {
  yield { range: { start: BigInt(start), end: BigInt(end), total: BigInt(total) } };
  if (start < end) for await (const text of logs.readText({ attempt, start, end })) yield { text };
}
