import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { afterAll, describe, expect, it } from "vitest";
import { findViolations, type LedgerLine, ledgerDefinition, ledgerTasks, parseLedger } from "./harness/ledger.ts";
import { startCluster, useDeployment } from "./harness.ts";

const ledger = join(tmpdir(), `millrace-ledger-${randomBytes(6).toString("hex")}`);
const rounds = 10;
/** One attempt, and the allowance for lost workers. */
const maxAttempts = 4;

interface Instance {
  readonly task_id: string;
  readonly state: string;
}

describe("a process that dies in the middle of a run (G2, G3, G4, G5)", () => {
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
    const run = await call<{ dag_run_id: string }>("/dags/ledger/dagRuns", { method: "POST", headers, body: "{}" });
    return run.dag_run_id;
  }

  async function instancesOf(runId: string): Promise<readonly Instance[]> {
    return (await call<{ task_instances: readonly Instance[] }>(`/dagRuns/${runId}/taskInstances`)).task_instances;
  }

  /** Kills the service once `running` tasks of a new run are under way, starts it again, and waits for the run's end. */
  async function runThroughDeathOf(service: "worker" | "executor", running: number): Promise<string> {
    const runId = await trigger();
    await expect
      .poll(async () => (await instancesOf(runId)).filter(({ state }) => state === "running").length, {
        timeout: 20_000,
        interval: 20,
      })
      .toBeGreaterThanOrEqual(running);
    await deployment().restart(service);
    await expect
      .poll(async () => (await call<{ end_date: string | null }>(`/dagRuns/${runId}`)).end_date, {
        timeout: 40_000,
        interval: 100,
      })
      .not.toBeNull();
    return runId;
  }

  for (const service of ["worker", "executor"] as const) {
    for (let round = 1; round <= rounds; round += 1) {
      it(`ends right when the ${service} is killed and started again, ${round} of ${rounds}`, async () => {
        const runId = await runThroughDeathOf(service, (round % 2) + 1);
        const run = await call<{ state: string; task_counts: Readonly<Record<string, number>> }>(`/dagRuns/${runId}`);
        expect(run).toMatchObject({ state: "success", task_counts: { success: ledgerTasks.length } });
        expect(findViolations(parseLedger(await readFile(ledger, "utf8")), runId, maxAttempts)).toEqual([]);
      });
    }
  }
});

describe("the ledger's checker", () => {
  const good: readonly LedgerLine[] = ledgerTasks.flatMap((task) =>
    (["start", "end"] as const).map((what) => ({ run: "r", task, tryNumber: 1, what })),
  );

  it("finds nothing in a run without faults, nor when a killed attempt is followed by another", () => {
    expect(findViolations(good, "r", maxAttempts)).toEqual([]);
    const killed = [
      ...good.slice(0, 2),
      { run: "r", task: "b1", tryNumber: 0, what: "start" } as const,
      ...good.slice(2),
    ];
    expect(findViolations(killed, "r", maxAttempts)).toEqual([]);
  });

  it.each([
    [
      "an effect that happens twice",
      [...good, { run: "r", task: "a", tryNumber: 2, what: "end" } as const],
      "a ended 2 times",
    ],
    [
      "an attempt after the success",
      [...good, { run: "r", task: "d", tryNumber: 2, what: "start" } as const],
      "an attempt of d began after its success",
    ],
    [
      "a child before its parent",
      [...good.slice(2, 4), ...good.slice(0, 2), ...good.slice(4)],
      "b1 began before a had ended",
    ],
    ["a lost task", good.slice(0, -2), "d ended 0 times"],
  ])("goes red for %s", (_, lines, violation) => {
    expect(findViolations(lines, "r", maxAttempts)).toContain(violation);
  });
});
