import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { startCluster, useDeployment } from "./harness.ts";

const patience = { timeout: 60_000, interval: 100 };
const fileCount = 150;

interface Sensor {
  readonly state: string;
  readonly item_count: number;
  readonly error: string;
}

describe("a sensor", () => {
  let folder = "";
  const deployment = useDeployment(async () => {
    folder = await mkdtemp(join(tmpdir(), "millrace-inbox-"));
    return startCluster({
      definitions: {
        "inbox.yaml": `id: inbox
max_active_runs: 100
sensors:
  - {id: new_csv, type: file, directory_path: ${folder}, file_pattern: "*.csv", poll_interval: 1s, stabilization_time: 1s}
tasks:
  - {id: note, type: bash, operator: {bash_command: "echo {{ params.sensor.name }} >> ${folder}/ledger"}}
`,
        "after.yaml": `id: after
sensors: [{id: noted, type: dag, dag_id: inbox, poll_interval: 1s}]
tasks: {a: {type: noop, operator: {}}}
`,
      },
      environment: { MILLRACE_SCHEDULER_LEASE: "2s", MILLRACE_SCHEDULER_POLLING_INTERVAL: "500ms" },
    });
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function cli(...args: string[]): Promise<unknown> {
    const { stdout, stderr, exitCode } = await deployment().cli(["sensors", ...args, "--output", "json"]);
    if (exitCode !== 0) throw new Error(`millrace sensors ${args.join(" ")} ended with ${exitCode}: ${stderr}`);
    return JSON.parse(stdout);
  }

  const get = async (path: string): Promise<Readonly<Record<string, unknown>>> =>
    (await (await fetch(`${deployment().url}/api/v1${path}`)).json()) as Readonly<Record<string, unknown>>;
  const eventCount = async (): Promise<unknown> => (await get("/sensors/inbox/new_csv/events?limit=1"))["total_count"];

  it("makes one run of each file, though the scheduler is killed again and again", async () => {
    await expect.poll(async () => (await get("/sensors/inbox/new_csv"))["state"], patience).toBe("active");
    await expect.poll(async () => (await get("/sensors/after/noted"))["state"], patience).toBe("active");
    const names = Array.from({ length: fileCount }, (_, place) => `f${String(place).padStart(3, "0")}.csv`);
    for (const name of names) await writeFile(join(folder, name), name);
    for (const mark of [1, 40, 90]) {
      await expect.poll(eventCount, patience).toBeGreaterThanOrEqual(mark);
      await deployment().restart("scheduler");
    }
    await expect.poll(eventCount, patience).toBe(fileCount);
    expect(await get("/dagRuns?dag_id=inbox&limit=1")).toMatchObject({ total_count: fileCount });
    const noted = async () => (await readFile(join(folder, "ledger"), "utf8")).trim().split("\n").toSorted();
    await expect.poll(noted, patience).toEqual(names);
    const after = async () => (await get("/dagRuns?dag_id=after&limit=1"))["total_count"];
    await expect.poll(after, patience).toBe(fileCount);
  });

  it("is listed, shown, paused, resumed and polled", async () => {
    const listed = (await cli("list", "--dag", "inbox")) as readonly Sensor[];
    expect(listed).toMatchObject([{ sensor_id: "new_csv", type: "file", state: "active", item_count: fileCount }]);
    expect(await cli("pause", "inbox", "new_csv")).toMatchObject({ state: "paused", is_paused: true });
    expect(await cli("resume", "inbox", "new_csv")).toMatchObject({ state: "active", is_paused: false });
    expect(await cli("poll", "inbox", "new_csv")).toMatchObject({ sensor_id: "new_csv" });
    expect(await cli("events", "inbox", "new_csv", "--limit", "3")).toHaveLength(3);
    const unknown = await deployment().cli(["sensors", "show", "inbox", "nobody"]);
    expect(unknown).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("SENSOR_NOT_FOUND") });
  });
});
