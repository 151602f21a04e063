import { noResources, type ResourceAmounts } from "#core/resource-amounts.ts";
import type { Resources } from "#gen/millrace/v1/worker_session_service_pb.js";

/** What a worker says that it has; what it does not name it has none of. */
export function toResourceAmounts(message: Resources | undefined): ResourceAmounts {
  if (message === undefined) return noResources;
  const { cpu, memoryBytes, diskBytes, gpus } = message;
  const milliCpus = Math.max(0, Math.floor(cpu * 1000));
  return { milliCpus, memoryBytes: countOf(memoryBytes), diskBytes: countOf(diskBytes), gpus: Math.max(0, gpus) };
}

function countOf(bytes: bigint): number {
  return Math.max(0, Number(bytes));
}
