import { describe, expect, test } from "vitest";
import { startCluster, useDeployment } from "./harness.ts";

/** Twelve tasks of a quarter of a second, four at a time at most: long enough to be hit in the middle. */
const steady = `
id: steady
tasks:
  - {id: first, type: noop, operator: {}}
${Array.from(
  { length: 12 },
  (_, index) => `  - id: step${index}
    type: bash
    dependencies: [first]
    operator: {bash_command: "sleep 0.25; echo step ${index} >> $MILLRACE_DAG_DIR/done.txt"}`,
).join("\n")}
  - id: last
    type: bash
    dependencies: [${Array.from({ length: 12 }, (_, index) => `step${index}`).join(", ")}]
    operator: {bash_command: "echo all done"}
`;

interface RunJson {
  readonly dag_run_id: string;
  readonly state: string;
  readonly task_counts: Readonly<Record<string, number>>;
}

const deployment = useDeployment(() =>
  startCluster({
    definitions: { "steady.yaml": steady },
    environment: { MILLRACE_WORKER_LEASE: "2s", MILLRACE_WORKER_SLOTS: "4", MILLRACE_EXECUTOR_SCAN_INTERVAL: "500ms" },
  }),
);

async function startRun(): Promise<string> {
  const { stdout } = await deployment().cli(["trigger", "steady", "--output", "json"]);
  return (JSON.parse(stdout) as RunJson).dag_run_id;
}

async function readRun(id: string): Promise<RunJson> {
  const response = await fetch(`${deployment().url}/api/v1/dagRuns/${encodeURIComponent(id)}`);
  return (await response.json()) as RunJson;
}

async function untilSome(id: string, state: string): Promise<void> {
  await expect
    .poll(async () => (await readRun(id)).task_counts[state] ?? 0, { timeout: 20_000, interval: 25 })
    .toBeGreaterThanOrEqual(3);
}

describe("five processes", () => {
  test("give the same result as one", async () => {
    const { exitCode, stdout } = await deployment().cli(["trigger", "steady", "--follow"]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain("last | all done");
    expect(stdout).toMatch(/^✓ success steady .*: 14 success$/m);
  });

  test.each(["worker", "executor", "scheduler", "parser", "gateway"] as const)(
    "a run ends right when the %s is killed in the middle of it and started again",
    async (service) => {
      const id = await startRun();
      await untilSome(id, "success");
      await deployment().restart(service);
      await expect.poll(async () => (await readRun(id)).state, { timeout: 30_000, interval: 100 }).toBe("success");
      expect((await readRun(id)).task_counts).toEqual({ success: 14 });
    },
  );

  test("who follows a run goes on where it was when the gateway comes back, without gap or duplicate", async () => {
    const following = deployment().cli(["trigger", "steady", "--follow"]);
    const newest = async (): Promise<string> => {
      const response = await fetch(`${deployment().url}/api/v1/dags/steady/runs/latest`);
      const run = (await response.json()) as RunJson;
      return run.state === "running" ? run.dag_run_id : "";
    };
    await expect.poll(newest, { timeout: 20_000, interval: 25 }).not.toBe("");
    await untilSome(await newest(), "success");
    await deployment().restart("gateway");
    const { exitCode, stdout, stderr } = await following;
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "the server is away; trying again\n" });
    const ends = [...stdout.matchAll(/ ✓ (\w+) success/g)].map((match) => match[1]).filter((name) => name !== "run");
    expect(ends.toSorted()).toEqual([...new Set(ends)].toSorted());
    expect(ends).toHaveLength(14);
    expect(stdout).toContain("last | all done");
  });
});
