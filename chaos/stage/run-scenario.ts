import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { RandomStream } from "#simulation/world/random.ts";
import { checkSystem } from "../check/check-system.ts";
import type { ShownRun } from "../check/facts.ts";
import { type DatabaseFacts, readFacts } from "../check/read-facts.ts";
import { readLedger } from "../ledger/read-ledger.ts";
import { applyFaults } from "./apply-faults.ts";
import type { ChaosCluster } from "./chaos-cluster.ts";
import { createGatewayClient, type GatewayClient } from "./gateway-client.ts";
import { keepEvidence } from "./keep-evidence.ts";
import { queryRow } from "./query-row.ts";
import { readLogsSince } from "./read-logs.ts";
import type { Form, Scenario, ScenarioResult } from "./scenario.ts";
import { startWorkload } from "./workload.ts";

/** The most that the end of the last run may come after the healing. */
export const recoveryDeadlineMs = 60_000;
const pollMs = 100;

export interface ScenarioOptions {
  readonly cluster: ChaosCluster;
  readonly seed: number;
  readonly form: Form;
  /** Of the long form. */
  readonly minutes: number;
}

/** Load and faults side by side, then heal, wait, and only then check. What fails leaves its evidence behind. */
export async function runScenario(scenario: Scenario, options: ScenarioOptions): Promise<ScenarioResult> {
  const { cluster, seed } = options;
  const ledgerFile = join(cluster.folder, `ledger-${scenario.id}-${seed}`);
  const keep = (violations: readonly string[]): Promise<string> =>
    keepEvidence(cluster, {
      scenarioId: scenario.id,
      seed,
      again: commandOf(scenario, options),
      violations,
      ledgerFile,
    });
  const result = await tryScenario(scenario, { ...options, ledgerFile }).catch(async (error: unknown) => {
    const evidence = await keep([String(error)]);
    throw new Error(`${scenario.id} could not be judged, its logs are in ${evidence}: ${String(error)}`, {
      cause: error,
    });
  });
  return result.violations.length === 0 ? result : { ...result, evidence: await keep(result.violations) };
}

/** Draws the same loads and faults again. */
function commandOf({ id }: Scenario, { seed, form, minutes }: ScenarioOptions): string {
  const length = form === "short" ? "--short" : `--minutes ${minutes}`;
  return `npm run bench -- chaos --only ${id} ${length} --seed ${seed}`;
}

async function tryScenario(
  scenario: Scenario,
  options: ScenarioOptions & { readonly ledgerFile: string },
): Promise<ScenarioResult> {
  const { cluster, seed, form, minutes, ledgerFile } = options;
  const random = new RandomStream(seed, scenario.id);
  const client = createGatewayClient(() => cluster.gatewayUrl);
  const load = scenario.load(random, form, minutes);
  const workload = await startWorkload({ ...load, dagsFolder: cluster.dagsFolder, ledgerFile, client });
  const dagIds = load.dags.map(({ id }) => id);
  const before = await readFacts(cluster.databaseUrl, dagIds);
  const logs = await readLogsSince(cluster);
  const durationMs = form === "short" ? scenario.shortMs : minutes * 60_000;
  const faults = await applyFaults(scenario, { cluster, random, form, durationMs, runs: load.runs, workload });
  const surprises = await cluster.heal();
  const healedAt = performance.now();
  const problems = surprises.map((name) => `${name} ended by itself`);
  problems.push(...(await waitForEnd(cluster.databaseUrl, dagIds)));
  const recoveryMs = Math.round(performance.now() - healedAt);
  const facts = await readFacts(cluster.databaseUrl, dagIds);
  const shown = await showAll(client, facts);
  const ledger = await readLedger(ledgerFile);
  problems.push(
    ...faults.problems,
    ...workload.contradictions,
    ...checkSystem({
      ...facts,
      dags: load.dags,
      ledger,
      shown,
      acknowledged: workload.acknowledged,
      unanswered: workload.requests - workload.acknowledged.size,
      hasFrozenHosts: scenario.freezesHosts === true,
    }),
    ...((await scenario.check?.({
      cluster,
      client,
      dags: load.dags,
      ledger,
      facts,
      before,
      recoveryMs,
      faults: faults.counts,
      log: await logs.read(),
    })) ?? []),
  );
  return {
    id: scenario.id,
    title: scenario.title,
    seed,
    ...summarize(facts),
    faults: faults.counts,
    retries: workload.retries,
    recoveryMs,
    violations: problems,
    evidence: null,
  };
}

/** Answers what is left at the deadline, as sentences. */
async function waitForEnd(connectionString: string, dagIds: readonly string[]): Promise<readonly string[]> {
  const deadline = performance.now() + recoveryDeadlineMs;
  const open = `SELECT (SELECT count(*)::int FROM dag_runs WHERE ended_at IS NULL AND dag_id = ANY($1)) AS runs,
    (SELECT count(*)::int FROM outbox WHERE event_id IS NULL) AS events`;
  for (;;) {
    const left = await queryRow<{ runs: number; events: number }>(connectionString, open, [dagIds]);
    if (left.runs + left.events === 0) return [];
    if (performance.now() > deadline)
      return [`${left.runs} runs and ${left.events} events are left ${recoveryDeadlineMs} ms after the healing (I1)`];
    await delay(pollMs);
  }
}

/** Asked again as any client would while the gateway is not well. */
async function showAll(client: GatewayClient, { runs }: DatabaseFacts): Promise<readonly ShownRun[]> {
  const deadline = performance.now() + recoveryDeadlineMs;
  const shown: ShownRun[] = [];
  for (const { runId } of runs) {
    for (;;) {
      try {
        shown.push(await client.show(runId));
        break;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await delay(pollMs);
      }
    }
  }
  return shown;
}

function summarize({ runs }: DatabaseFacts): Pick<ScenarioResult, "runs" | "attempts" | "lost"> {
  const attempts = runs.flatMap((run) => run.attempts);
  return {
    runs: runs.length,
    attempts: attempts.length,
    lost: attempts.filter(({ state }) => state === "lost").length,
  };
}
