import type { ConsistencyStore, RunSnapshot, UnreadableRun } from "#ports/consistency-store.ts";

/** Runs that are read at once, and instances of them: what is read lies in memory together. */
const maxRunsPerBatch = 500;
const maxInstancesPerBatch = 2_000;

/** Where a check goes on: first what is beside runs, then runs that go on, then those that have ended. */
export interface CheckCursor {
  readonly ended: boolean;
  readonly afterKey: number;
}

export const initialCursor: CheckCursor = { ended: false, afterKey: 0 };

/** A cursor as text, for those who page over the network. */
export function formatCursor({ ended, afterKey }: CheckCursor): string {
  return `${ended ? "ended" : "active"}:${afterKey}`;
}

/** Undefined: the text is none. */
export function parseCursor(text: string): CheckCursor | undefined {
  const [, part, key] = /^(active|ended):(\d{1,15})$/.exec(text) ?? [];
  return key === undefined ? undefined : { ended: part === "ended", afterKey: Number(key) };
}

export interface RunBatch {
  readonly runs: readonly RunSnapshot[];
  readonly unreadable: readonly UnreadableRun[];
  readonly next: CheckCursor | null;
}

/** The runs behind the cursor, at most `limit`; one that is larger than a batch is read alone. */
export async function readBatch(
  consistency: ConsistencyStore,
  { ended, afterKey }: CheckCursor,
  limit: number,
): Promise<RunBatch> {
  const listed = await consistency.listRuns({ afterKey, ended, limit: Math.min(maxRunsPerBatch, limit) });
  if (listed.length === 0) return { runs: [], unreadable: [], next: ended ? null : { ...initialCursor, ended: true } };
  const keys: number[] = [];
  let instances = 0;
  for (const { runKey, instanceCount } of listed) {
    if (keys.length > 0 && instances + instanceCount > maxInstancesPerBatch) break;
    keys.push(runKey);
    instances += instanceCount;
  }
  const { runs, unreadable } = await consistency.readRuns(keys);
  return { runs, unreadable, next: { ended, afterKey: keys.at(-1) ?? afterKey } };
}
