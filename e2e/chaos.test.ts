import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { scenarios } from "#chaos/scenarios.ts";
import { type ChaosCluster, startChaosCluster } from "#chaos/stage/chaos-cluster.ts";
import { recoveryDeadlineMs, runScenario } from "#chaos/stage/run-scenario.ts";
import { skipsWithoutKafka } from "#testing/kafka/shared-kafka.ts";
import { skipsWithoutPgbouncer } from "#testing/pgbouncer.ts";
import { type SetupName, setups } from "#chaos/stage/setups.ts";

/** What it drew when it was written; `npm run bench -- chaos` draws others. */
const seed = 1;
const shownLogBytes = 20_000;

/** Setups that need what this machine lacks. */
const lacking: ReadonlySet<SetupName> = new Set([
  ...(skipsWithoutKafka() ? (["kafka"] as const) : []),
  ...(skipsWithoutPgbouncer() ? (["pooler"] as const) : []),
]);
const names = (Object.keys(setups) as SetupName[]).filter((name) => !lacking.has(name));

describe.each(names)("faults on the cluster %s (G1, G2, G3, G4, G5, G6, G7, G8, G9, G10, G11, G12, G15)", (setup) => {
  let cluster: ChaosCluster | null = null;

  beforeAll(async () => {
    cluster = await startChaosCluster(setups[setup]);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state !== "fail") return;
    for (const process_ of cluster?.processes ?? [])
      process.stderr.write(`--- log of ${process_.name}\n${(await process_.readLog()).slice(-shownLogBytes)}\n`);
  });
  afterAll(async () => {
    await cluster?.stop();
  });

  for (const scenario of scenarios.filter((each) => each.setup === setup)) {
    // Requests and runs may each take the whole time that they have after the faults.
    const timeout = scenario.shortMs + 3 * recoveryDeadlineMs;
    it(`${scenario.id}: ${scenario.title}`, { timeout }, async () => {
      if (cluster === null) throw new Error("the cluster has not started");
      const result = await runScenario(scenario, { cluster, seed, form: "short", minutes: 0 });
      expect(result.violations).toEqual([]);
      expect(result.runs).toBeGreaterThan(0);
    });
  }
});
