import { crc32 } from "node:zlib";

/**
 * The place in the list of executors of the one that a worker turns to first: the same at each start, and spread over the
 * list for workers that share it.
 */
export function firstExecutor(workerId: string, executorCount: number): number {
  return crc32(workerId) % executorCount;
}
