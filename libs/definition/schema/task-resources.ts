import { noResources, type ResourceAmounts } from "#core/resource-amounts.ts";
import type { TaskInput } from "./definition-schema.ts";
import { parseSize } from "./size-schema.ts";

/** What one attempt may use, and asks of its worker; null: what the host has. */
export interface TaskResources {
  readonly cpus: number | null;
  readonly memoryBytes: number | null;
  readonly diskBytes: number | null;
  /** Present: GPUs, which are counted and not shared. */
  readonly gpus?: number;
}

/** The part of a task that says what it may use, in the normal form; empty where it names nothing. */
export function withResources({ cpu, memory, disk, gpus }: NonNullable<TaskInput["resources"]>): {
  readonly resources?: TaskResources;
} {
  if (cpu === undefined && memory === undefined && disk === undefined && gpus === undefined) return {};
  const limits = { cpus: cpu ?? null, memoryBytes: toBytes(memory), diskBytes: toBytes(disk) };
  return { resources: gpus === undefined ? limits : { ...limits, gpus } };
}

/** What an attempt takes of its worker: what it may use. Parts of a thousandth are rounded up. */
export function requestsOf({ cpus, memoryBytes, diskBytes, gpus }: TaskResources): ResourceAmounts {
  return {
    milliCpus: Math.ceil((cpus ?? 0) * 1000),
    memoryBytes: memoryBytes ?? noResources.memoryBytes,
    diskBytes: diskBytes ?? noResources.diskBytes,
    gpus: gpus ?? noResources.gpus,
  };
}

function toBytes(size: string | number | undefined): number | null {
  return size === undefined ? null : parseSize(size);
}
