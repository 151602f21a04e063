import { randomBytes } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { serviceNames } from "#testing/cluster/cluster-options.ts";
import { findViolations, ledgerDefinition, parseLedger } from "./harness/ledger.ts";
import { startCluster, useDeployment } from "./harness.ts";

const ledger = join(tmpdir(), `millrace-recovery-${randomBytes(6).toString("hex")}`);
const runCount = 12;
/** One attempt, and the allowance for lost workers. */
const maxAttempts = 4;

interface Run {
  readonly dag_run_id: string;
  readonly state: string;
  readonly end_date: string | null;
}

interface Diagnosis {
  readonly status: string;
  readonly checked_runs: number;
  readonly findings: readonly unknown[];
}

describe("all processes that die at once (G1, G2, G3, G4)", () => {
  const deployment = useDeployment(async () => {
    await writeFile(ledger, "");
    return startCluster({
      definitions: { "ledger.yaml": ledgerDefinition("ledger", ledger) },
      environment: { MILLRACE_WORKER_LEASE: "2s", MILLRACE_EXECUTOR_SCAN_INTERVAL: "500ms" },
    });
  });

  afterAll(() => rm(ledger, { force: true }));

  async function call<T>(path: string, init?: RequestInit): Promise<T> {
    const response = await fetch(`${deployment().url}/api/v1${path}`, init);
    const body = (await response.json()) as T;
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${JSON.stringify(body)}`);
    return body;
  }

  async function trigger(): Promise<string> {
    const headers = { "content-type": "application/json" };
    return (await call<Run>("/dags/ledger/dagRuns", { method: "POST", headers, body: "{}" })).dag_run_id;
  }

  async function doctor(): Promise<Diagnosis> {
    const { stdout } = await deployment().cli(["doctor", "--output", "json"]);
    return JSON.parse(stdout) as Diagnosis;
  }

  it("come back with every run, which goes on to its end, and leave nothing to repair", async () => {
    const runs: string[] = [];
    for (let made = 0; made < runCount; made += 1) runs.push(await trigger());
    const running = "/taskInstances?state=running&limit=1";
    await expect
      .poll(async () => (await call<{ total_count: number }>(running)).total_count, { timeout: 20_000, interval: 20 })
      .toBeGreaterThan(0);
    await Promise.all([...deployment().children.values()].map((child) => child.kill()));
    for (const service of serviceNames) await deployment().restart(service);
    for (const run of runs) {
      await expect
        .poll(async () => (await call<Run>(`/dagRuns/${run}`)).end_date, { timeout: 60_000, interval: 100 })
        .not.toBeNull();
      expect((await call<Run>(`/dagRuns/${run}`)).state).toBe("success");
    }
    const lines = parseLedger(await readFile(ledger, "utf8"));
    expect(runs.flatMap((run) => findViolations(lines, run, maxAttempts))).toEqual([]);
    expect(await doctor()).toMatchObject({ status: "ok", checked_runs: runCount, findings: [] });
  });
});
