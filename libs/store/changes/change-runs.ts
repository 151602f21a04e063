import type { Decision } from "#core/decision.ts";
import type { RunAggregate } from "#core/run-model.ts";
import { failpoint } from "#failpoints/failpoint.ts";
import type { RunChange, RunChangeResult } from "#ports/run-store.ts";
import { applyDecision, type RunCache } from "./run-cache.ts";
import type { DecidedRun, RunTable, WrittenRuns } from "./run-table.ts";

/** After so many refusals the run is left for the caller's next turn. */
const maxRounds = 4;

export interface ChangeContext {
  readonly table: RunTable;
  readonly cache: RunCache;
}

/**
 * Decides on what the cache has, writes all decisions in one statement, and repeats for the runs that had changed
 * meanwhile, on what they are now. A thrown error means that the outcome of the commit is unknown: the caches of these
 * runs are dropped, and the caller's repetition decides on what is really there.
 */
export async function changeRuns(
  context: ChangeContext,
  changes: readonly RunChange[],
): Promise<readonly RunChangeResult[]> {
  const results = new Map<RunChange, RunChangeResult>();
  let pending: readonly PendingChange[] = changes.map((change) => ({ change, lacksRoom: false }));
  for (let round = 0; round < maxRounds && pending.length > 0; round += 1) {
    pending = await changeOnce(context, pending, round > 0, results);
  }
  return changes.map((change) => results.get(change) ?? { kind: "busy" });
}

interface PendingChange {
  readonly change: RunChange;
  /** The last write found no room in a limit for what was decided. */
  readonly lacksRoom: boolean;
}

/** One round; answers the changes that must be decided again. */
async function changeOnce(
  context: ChangeContext,
  pending: readonly PendingChange[],
  refresh: boolean,
  results: Map<RunChange, RunChangeResult>,
): Promise<readonly PendingChange[]> {
  const runs = await currentRuns(
    context,
    pending.map(({ change }) => change),
    refresh,
  );
  const decided = new Map<RunChange, DecidedRun>();
  for (const { change, lacksRoom } of pending) {
    const found = runs.get(change.runKey);
    if (found === undefined) {
      results.set(change, { kind: "missing" });
      continue;
    }
    const decision = change.decide(found.run, { lacksRoom });
    if (decision !== null) decided.set(change, toDecided(change, found.run, decision));
    // A refusal is only believed on what was read just now; on a cached run it is decided again.
    else if (found.isFresh) results.set(change, { kind: "unchanged", run: found.run, lacksRoom });
  }
  const { written, lackingRoom } = decided.size === 0 ? nothingWritten : await write(context, [...decided.values()]);
  for (const [change, { before, decision }] of decided) {
    if (!written.has(change.runKey)) continue;
    const run = applyDecision(before, decision);
    context.cache.put(run);
    results.set(change, { kind: "applied", run, decision });
  }
  return pending.flatMap(({ change, lacksRoom }) =>
    results.has(change) ? [] : [{ change, lacksRoom: lacksRoom || lackingRoom.has(change.runKey) }],
  );
}

function toDecided({ answers, logs }: RunChange, before: RunAggregate, decision: Decision): DecidedRun {
  return { before, decision, answers: answers?.(decision) ?? [], logs: logs?.(decision) ?? [] };
}

const nothingWritten: WrittenRuns = { written: new Set(), lackingRoom: new Set() };

async function write({ table, cache }: ChangeContext, decided: readonly DecidedRun[]): Promise<WrittenRuns> {
  try {
    failpoint("run_change.before");
    const written = await table.write(decided);
    failpoint("run_change.after");
    return written;
  } catch (error) {
    for (const { before } of decided) cache.drop(before.run.runKey);
    throw error;
  }
}

interface FoundRun {
  readonly run: RunAggregate;
  /** Read in this round, not cached before. */
  readonly isFresh: boolean;
}

async function currentRuns(
  { table, cache }: ChangeContext,
  changes: readonly RunChange[],
  refresh: boolean,
): Promise<Map<number, FoundRun>> {
  const runs = new Map<number, FoundRun>();
  const toRead: number[] = [];
  for (const { runKey } of changes) {
    const cached = cache.get(runKey);
    if (cached === undefined || refresh) toRead.push(runKey);
    else runs.set(runKey, { run: cached, isFresh: false });
  }
  if (toRead.length === 0) return runs;
  for (const [runKey, run] of await table.load(toRead, (key) => cache.get(key))) {
    cache.put(run);
    runs.set(runKey, { run, isFresh: true });
  }
  return runs;
}
