import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startCluster, useDeployment } from "./harness.ts";

const waiting = String.raw`
id: waiting
tasks:
  - id: only
    type: bash
    operator:
      bash_command: "echo ran >> $MILLRACE_DAG_DIR/ran.txt; touch $MILLRACE_DAG_DIR/started; while [ ! -e $MILLRACE_DAG_DIR/go ]; do sleep 0.02; done"
`;

const patience = { timeout: 30_000, interval: 50 };

const deployment = useDeployment(() =>
  startCluster({ definitions: { "waiting.yaml": waiting }, environment: { MILLRACE_WORKER_LEASE: "60s" } }),
);

interface RunJson {
  readonly dag_run_id: string;
  readonly state: string;
}

interface WorkerJson {
  readonly worker_id: string;
  readonly status: string;
  readonly status_reason: string;
  readonly succeeded: number;
}

async function readJson<T>(path: string): Promise<T> {
  return (await (await fetch(`${deployment().url}/api/v1${path}`)).json()) as T;
}

const inDags = (name: string): string => join(deployment().dagsFolder, name);
const keptOutcomes = (): readonly string[] => globSync("**/worker/outcomes/*.outcome", { cwd: deployment().folder });

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("workers", () => {
  test("a task that ended while no executor was there is not run again, though its worker is killed too", async () => {
    const { stdout } = await deployment().cli(["trigger", "waiting", "--output", "json"]);
    const { dag_run_id: id } = JSON.parse(stdout) as RunJson;
    await expect.poll(() => existsSync(inDags("started")), patience).toBe(true);
    await deployment().children.get("executor")?.kill();
    writeFileSync(inDags("go"), "");
    await expect.poll(() => keptOutcomes().length, patience).toBe(1);
    await deployment().children.get("worker")?.kill();
    await Promise.all([deployment().restart("executor"), deployment().restart("worker")]);

    await expect.poll(async () => (await readJson<RunJson>(`/dagRuns/${id}`)).state, patience).toBe("success");
    expect(readFileSync(inDags("ran.txt"), "utf8")).toBe("ran\n");
    const { task_instances: tasks } = await readJson<{ task_instances: readonly { try_number: number }[] }>(
      `/dagRuns/${id}/taskInstances`,
    );
    expect(tasks.map(({ try_number: number }) => number)).toEqual([1]);
    await expect.poll(() => keptOutcomes().length, patience).toBe(0);
  });

  test("are listed, shown, and drained from outside: the process ends, and its next start is healthy", async () => {
    const list = async (): Promise<readonly WorkerJson[]> =>
      (await readJson<{ workers: readonly WorkerJson[] }>("/workers")).workers;
    await expect
      .poll(async () => (await list()).map(({ status, succeeded }) => `${status} ${succeeded}`), patience)
      .toEqual(["healthy 1"]);
    const workerId = (await list())[0]?.worker_id ?? "";
    const queues = await deployment().cli(["queues", "--output", "json"]);
    expect(JSON.parse(queues.stdout)).toMatchObject([{ queue: "default", depth: 0, oldest_wait_ms: null, workers: 1 }]);
    const pid = deployment().children.get("worker")?.pid ?? 0;
    const drained = await deployment().cli(["workers", "drain", workerId, "--reason", "a new kernel", "--wait"]);

    expect({ code: drained.exitCode, text: drained.stdout }).toEqual({
      code: 0,
      text: expect.stringContaining("stopped") as string,
    });
    await expect.poll(() => isAlive(pid), patience).toBe(false);
    expect((await deployment().cli(["workers"])).stdout).toContain("no workers");
    await deployment().restart("worker");
    const shown = await deployment().cli(["workers", "show", workerId]);
    expect(shown.stdout).toMatch(/● healthy/);
    expect(shown.stdout.match(/■ stopped|✗ lost/g)).toEqual(["■ stopped", "✗ lost"]);
    const stats = await readJson<{ workers: readonly unknown[] }>("/workers/stats");
    expect(stats.workers).toMatchObject([{ worker_id: workerId, starts: 3, losses: 1, succeeded: 1, failed: 0 }]);
  });
});
