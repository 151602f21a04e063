import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { startChild } from "#testing/cluster/child.ts";
import { startCluster, useDeployment } from "./harness.ts";

const sized = String.raw`
id: sized
tasks:
  - {id: small, type: bash, resources: {memory: 128Mi}, operator: {bash_command: "true"}}
  - {id: large, type: bash, resources: {memory: 1Gi, gpus: 1}, operator: {bash_command: "true"}}
`;

const patience = { timeout: 60_000, interval: 50 };

const deployment = useDeployment(() =>
  startCluster({
    definitions: { "sized.yaml": sized },
    environment: { MILLRACE_WORKER_RESOURCES_MEMORY_BYTES: "256MiB", MILLRACE_WORKER_RESOURCES_GPUS: "0" },
  }),
);

interface WorkerJson {
  readonly worker_id: string;
  readonly resources: { readonly memory_bytes: number; readonly gpus: number };
  readonly available_resources: { readonly memory_bytes: number; readonly gpus: number };
}

async function readJson<T>(path: string): Promise<T> {
  return (await (await fetch(`${deployment().url}/api/v1${path}`)).json()) as T;
}

async function startLargeWorker(): Promise<void> {
  const { folder, children } = deployment();
  const executor = children.get("executor")?.url ?? "";
  const dataDir = join(folder, "large");
  const worker = await startChild({
    args: ["start", "worker", "--port", "0", "--data-dir", dataDir, "--worker-id", "large", "--executors", executor],
    cwd: folder,
    logFile: join(folder, "large.log"),
    environment: { MILLRACE_WORKER_RESOURCES_MEMORY_BYTES: "2GiB", MILLRACE_WORKER_RESOURCES_GPUS: "1" },
  });
  onTestFinished(async () => void (await worker.stop()));
}

describe("tasks that ask for resources", () => {
  test("wait, explained, until a worker that has them comes, and run there", async () => {
    const { stdout } = await deployment().cli(["trigger", "sized", "--output", "json"]);
    const { dag_run_id: id } = JSON.parse(stdout) as { dag_run_id: string };
    const states = async (): Promise<Readonly<Record<string, string>>> => {
      const { task_instances: tasks } = await readJson<{
        task_instances: readonly { task_id: string; state: string; worker_id: string }[];
      }>(`/dagRuns/${id}/taskInstances`);
      return Object.fromEntries(tasks.map((one) => [one.task_id, `${one.state} ${one.worker_id ?? ""}`.trim()]));
    };
    await expect.poll(states, patience).toEqual({ small: "success worker-1", large: "queued" });
    const explained = await deployment().cli(["explain", id]);
    expect(explained.stdout.replaceAll(/\s+/g, " ")).toContain(
      "it asks for 1 GiB of memory and 1 gpu, and the most that a worker has is 256 MiB of memory and 0 gpus",
    );

    await startLargeWorker();

    await expect.poll(states, patience).toEqual({ small: "success worker-1", large: "success large" });
    const { workers } = await readJson<{ workers: readonly WorkerJson[] }>("/workers");
    expect(Object.fromEntries(workers.map((one) => [one.worker_id, one.resources]))).toMatchObject({
      large: { memory_bytes: 2 * 2 ** 30, gpus: 1 },
      "worker-1": { memory_bytes: 256 * 2 ** 20, gpus: 0 },
    });
    for (const { resources, available_resources: left } of workers) expect(left).toEqual(resources);
    const shown = await deployment().cli(["workers", "show", "large"]);
    expect(shown.stdout).toMatch(/free +cpu .*, memory 2 GiB of 2 GiB, disk .*, gpus 1 of 1/);
  });
});
