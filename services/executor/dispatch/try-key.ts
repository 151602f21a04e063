import type { QueuedInstance } from "#ports/queued-instance.ts";

/** Names one try of one instance, for maps and sets. */
export function tryKey({ runKey, ordinal, generation, tryNumber }: QueuedInstance): string {
  return `${runKey}/${ordinal}/${generation}/${tryNumber}`;
}
