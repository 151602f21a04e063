import type { MessageInitShape } from "@bufbuild/protobuf";
import type { AttemptUsageSchema } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { UsageNow } from "#runner/attempt-limits.ts";
import type { AttemptRef } from "./attempt.ts";
import { toRefMessage } from "./session-messages.ts";

/** What an attempt that runs uses. */
export interface AttemptUse {
  readonly ref: AttemptRef;
  readonly usage: UsageNow;
}

/** What is not known is left out. */
export function toAttemptUsage({ ref, usage }: AttemptUse): MessageInitShape<typeof AttemptUsageSchema> {
  const { memoryBytes, memoryPeakBytes, cpuMs, processes } = usage;
  return {
    attempt: toRefMessage(ref),
    ...(memoryBytes === null ? {} : { memoryBytes: BigInt(memoryBytes) }),
    ...(memoryPeakBytes === null ? {} : { memoryPeakBytes: BigInt(memoryPeakBytes) }),
    ...(cpuMs === null ? {} : { cpuMs: BigInt(Math.round(cpuMs)) }),
    ...(processes === null ? {} : { processes }),
  };
}
