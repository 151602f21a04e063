import { parseArgs } from "node:util";
import { scenarios } from "#chaos/scenarios.ts";
import { startChaosCluster } from "#chaos/stage/chaos-cluster.ts";
import { runScenario } from "#chaos/stage/run-scenario.ts";
import type { Form, Scenario, ScenarioResult } from "#chaos/stage/scenario.ts";
import { type SetupName, setups } from "#chaos/stage/setups.ts";
import { skipsWithoutPgbouncer } from "#testing/pgbouncer.ts";
import { formatTable } from "./measure.ts";

const defaultMinutes = 5;
/** A run that is stuck violates much at once; all of it is with the evidence. */
const shownViolations = 20;

/** The long forms, one after the other: `[--only A1,A4] [--minutes N] [--seed N] [--short]`. */
export async function benchChaos(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string" },
      minutes: { type: "string", default: String(defaultMinutes) },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      short: { type: "boolean", default: false },
    },
  });
  const wanted = values.only?.split(",");
  const unknown = wanted?.filter((id) => !scenarios.some((scenario) => scenario.id === id)) ?? [];
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
  if (unknown.length > 0 || !(minutes > 0) || !Number.isSafeInteger(seed)) {
    const known = scenarios.map(({ id }) => id).join(", ");
    console.error(`chaos [--only ID,ID] [--minutes N] [--seed N] [--short], where an ID is one of ${known}`);
    process.exitCode = 2;
    return;
  }
  const results: ScenarioResult[] = [];
  for (const setup of Object.keys(setups) as SetupName[]) {
    const chosen = scenarios.filter((scenario) => scenario.setup === setup && wanted?.includes(scenario.id) !== false);
    results.push(...(await runSetup(setup, chosen, { minutes, seed, form: values.short ? "short" : "long" })));
  }
  report(results);
}

async function runSetup(
  setup: SetupName,
  chosen: readonly Scenario[],
  options: { readonly minutes: number; readonly seed: number; readonly form: Form },
): Promise<readonly ScenarioResult[]> {
  if (chosen.length === 0 || (setup === "pooler" && skipsWithoutPgbouncer())) return [];
  const cluster = await startChaosCluster(setups[setup]);
  const results: ScenarioResult[] = [];
  try {
    for (const scenario of chosen) {
      const result = await runScenario(scenario, { cluster, ...options });
      console.log(JSON.stringify(result));
      results.push(result);
    }
  } finally {
    await cluster.stop();
  }
  return results;
}

function report(results: readonly ScenarioResult[]): void {
  const header = ["what", "faults", "runs", "attempts", "lost", "asked again", "recovered ms", "violations"];
  const rows = results.map((result) => [
    `${result.id} ${result.title}`,
    String(Object.values(result.faults).reduce((sum, count) => sum + count, 0)),
    ...[result.runs, result.attempts, result.lost, result.retries, result.recoveryMs].map(String),
    String(result.violations.length),
  ]);
  console.log(`\n${formatTable([header, ...rows])}`);
  for (const { id, seed, violations, evidence } of results) {
    for (const violation of violations.slice(0, shownViolations)) console.log(`${id} (seed ${seed}): ${violation}`);
    const more = violations.length - shownViolations;
    if (more > 0) console.log(`${id} (seed ${seed}): and ${more} more`);
    if (evidence !== null) console.log(`${id} (seed ${seed}): logs, ledger and rows are in ${evidence}`);
  }
  if (results.some(({ violations }) => violations.length > 0)) process.exitCode = 1;
}
