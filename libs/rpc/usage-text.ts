import { sizeText } from "#core/resource-text.ts";
import type { UsageNow } from "#gen/millrace/v1/task_service_pb.js";

/** What an attempt uses, or has used, in one line: `412 MiB of 1 GiB, peak 503 MiB, 3.2 s of CPU, 4 processes`. Empty: nothing is known. */
export function usageText(usage: Partial<UsageNow>): string {
  const { memoryBytes, memoryPeakBytes, memoryLimitBytes, cpuMs, processes } = usage;
  const limit = memoryLimitBytes === undefined ? "memory" : sizeText(Number(memoryLimitBytes));
  return [
    ...(memoryBytes === undefined ? [] : [`${sizeText(Number(memoryBytes))} of ${limit}`]),
    ...(memoryPeakBytes === undefined ? [] : [`peak ${sizeText(Number(memoryPeakBytes))}`]),
    ...(cpuMs === undefined ? [] : [`${Math.round(Number(cpuMs) / 100) / 10} s of CPU`]),
    ...(processes === undefined ? [] : [`${processes} ${processes === 1 ? "process" : "processes"}`]),
  ].join(", ");
}
