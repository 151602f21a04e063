import type { TaskInput } from "./definition-schema.ts";
import { parseSize } from "./size-schema.ts";

/** What one attempt may use; null: what the host has. */
export interface TaskResources {
  readonly cpus: number | null;
  readonly memoryBytes: number | null;
  readonly diskBytes: number | null;
}

/** The part of a task that says what it may use, in the normal form; empty where it names nothing. */
export function withResources({ cpu, memory, disk }: NonNullable<TaskInput["resources"]>): {
  readonly resources?: TaskResources;
} {
  if (cpu === undefined && memory === undefined && disk === undefined) return {};
  return { resources: { cpus: cpu ?? null, memoryBytes: toBytes(memory), diskBytes: toBytes(disk) } };
}

function toBytes(size: string | number | undefined): number | null {
  return size === undefined ? null : parseSize(size);
}
