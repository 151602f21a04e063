import { noResources, type ResourceAmounts } from "#core/resource-amounts.ts";
import type { Resources } from "#gen/millrace/v1/worker_session_service_pb.js";

/** More than any host has, and still counted exactly. */
const most = Number.MAX_SAFE_INTEGER;

/** What a worker says that it has; what it does not name it has none of. Senseless amounts are brought into bounds. */
export function toResourceAmounts(message: Resources | undefined): ResourceAmounts {
  if (message === undefined) return noResources;
  const { cpu, memoryBytes, diskBytes, gpus } = message;
  return {
    milliCpus: within(Math.floor(Math.round(cpu * 1e6) / 1000)),
    memoryBytes: within(Number(memoryBytes)),
    diskBytes: within(Number(diskBytes)),
    gpus: within(gpus),
  };
}

function within(amount: number): number {
  return Number.isNaN(amount) ? 0 : Math.min(most, Math.max(0, amount));
}
