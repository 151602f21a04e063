import { createHash } from "node:crypto";

/**
 * How long after its time a slot's turn comes: from 0 to the jitter, spread evenly, and the same whenever and wherever
 * it is asked for, so that no restart draws it again.
 */
export function slotDelay(dagId: string, slot: number, jitterMs: number): number {
  if (jitterMs === 0) return 0;
  const drawn = createHash("sha256").update(`${dagId}\0${slot}`).digest().readUInt32BE(0);
  return Math.floor((drawn / 2 ** 32) * (jitterMs + 1));
}
