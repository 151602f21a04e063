import type { SimClient } from "../actors/sim-client.ts";
import type { SimDatabase } from "../database/sim-database.ts";
import type { StoredRun } from "#store/memory/stored-run.ts";
import type { ScheduledDag } from "../workload/scheduled-dag.ts";
import type { SimBroker } from "../world/sim-broker.ts";
import type { Ledger } from "./ledger.ts";

/** By then a claim was answered, or its session was over. */
const stuckAfterMs = 15_000;

/** What must hold when everything has ended: nothing lost (I5), nothing left over, nothing in need of repair. */
export function checkEnd(system: {
  readonly database: SimDatabase;
  readonly client: SimClient;
  readonly ledger: Ledger;
  readonly scheduled: ScheduledDag | null;
  readonly broker: SimBroker | null;
}): readonly string[] {
  const { database, client, ledger, scheduled, broker } = system;
  const { state } = database;
  const problems: string[] = [];
  for (const [request, runId] of client.acknowledged)
    if (state.findRun(runId) === undefined)
      problems.push(`request ${request} was answered ${runId}, which is not there (I5)`);
  const asked = client.acknowledged.size + (scheduled?.dates.length ?? 0);
  if (state.runs.size !== asked) problems.push(`${asked} requests and slots made ${state.runs.size} runs (G6, G8)`);
  for (const date of scheduled?.dates ?? []) {
    const count = scheduled === null ? 0 : runsOfDate(database, scheduled, date).length;
    if (count !== 1) problems.push(`slot ${date} has ${count} runs (G8)`);
  }
  if (ledger.livingCount > 0)
    problems.push(`${ledger.livingCount} attempts still live though all runs have ended (G13)`);
  const stuck = broker?.countStuck(stuckAfterMs) ?? 0;
  if (stuck > 0) problems.push(`${stuck} tickets were taken in and neither used nor passed`);
  for (const run of state.runs.values()) problems.push(...checkRun(run), ...checkEvents(database, run));
  return problems;
}

/** The runs of one slot. */
export function runsOfDate({ state }: SimDatabase, { dagId }: ScheduledDag, date: number): readonly StoredRun[] {
  return [...state.runs.values()].filter(({ row }) => row.dagId === dagId && row.logicalAt === date);
}

function checkRun(run: StoredRun): readonly string[] {
  const problems: string[] = [];
  for (const [ordinal, attempts] of run.attempts) {
    const tries = new Set(attempts.map(({ opened }) => `${opened.generation}.${opened.tryNumber}`));
    if (tries.size !== attempts.length) problems.push(`instance ${ordinal} has a try twice (I3)`);
    for (const { opened, closed, releasedAt } of attempts) {
      if (closed === null) problems.push(`try ${opened.tryNumber} of instance ${ordinal} never settled (G5)`);
      if (closed === null && releasedAt === null)
        problems.push(`try ${opened.tryNumber} of instance ${ordinal} was never released`);
    }
  }
  return problems;
}

/** Every event of a run once, in its order (G7): published, or still in the outbox. */
function checkEvents({ state }: SimDatabase, run: StoredRun): readonly string[] {
  const events = [...state.events, ...state.outbox].filter(({ dagRunId }) => dagRunId === run.row.runId);
  return events.length === run.row.eventSequence
    ? []
    : [`${run.row.runId} counts ${run.row.eventSequence} events, its log has ${events.length} (G7)`];
}
