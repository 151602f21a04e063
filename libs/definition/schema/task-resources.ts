import { toMilliCpus } from "#core/milli-cpus.ts";
import { noResources, type ResourceAmounts } from "#core/resource-amounts.ts";
import type { OperatorSchema } from "#ports/operator-schema.ts";
import type { LimitsInput } from "#resources/resources-schema.ts";
import { parseSize } from "#resources/size-schema.ts";
import type { TaskDefaultsInput, TaskInput } from "./definition-schema.ts";

/** What one attempt may use, and asks of its worker; null: what the host has. */
export interface TaskResources {
  readonly cpus: number | null;
  readonly memoryBytes: number | null;
  readonly diskBytes: number | null;
  /** Present: GPUs, which are counted and not shared. */
  readonly gpus?: number;
}

/**
 * The part of a task that says what it may use, in the normal form; empty where it names nothing. Key by key the operator
 * wins over the task, and the task over the defaults.
 */
export function withResources(
  body: TaskInput,
  defaults: TaskDefaultsInput,
  operator: OperatorSchema | undefined,
): { readonly resources?: TaskResources } {
  // The field means this in kinds of work that run processes, and whatever they please in those of plugins.
  const own = operator?.encloses === undefined ? {} : (body.operator["resources"] as LimitsInput | undefined);
  const { cpu, memory, disk, gpus } = { ...defaults.resources, ...body.resources, ...own };
  if (cpu === undefined && memory === undefined && disk === undefined && gpus === undefined) return {};
  const limits = { cpus: cpu ?? null, memoryBytes: toBytes(memory), diskBytes: toBytes(disk) };
  return { resources: gpus === undefined ? limits : { ...limits, gpus } };
}

/** What an attempt takes of its worker: what it may use. Parts of a thousandth are rounded up. */
export function requestsOf({ cpus, memoryBytes, diskBytes, gpus }: TaskResources): ResourceAmounts {
  return {
    milliCpus: toMilliCpus(cpus ?? 0),
    memoryBytes: memoryBytes ?? noResources.memoryBytes,
    diskBytes: diskBytes ?? noResources.diskBytes,
    gpus: gpus ?? noResources.gpus,
  };
}

function toBytes(size: string | number | undefined): number | null {
  return size === undefined ? null : parseSize(size);
}
