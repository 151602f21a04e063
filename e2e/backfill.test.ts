import { randomBytes } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { startCluster, useDeployment } from "./harness.ts";

const ledger = join(tmpdir(), `millrace-backfill-${randomBytes(6).toString("hex")}`);
const patience = { timeout: 60_000, interval: 100 };

/** Each run writes its date; a live run of the same definition may come in between. */
const definition = `id: daily
schedule: "0 2 * * *"
parameters: {mark: {type: string, default: first}}
tasks:
  - id: note
    type: bash
    operator: {bash_command: "sleep 0.05; echo {{ params.mark }} {{ execution_date }} >> ${ledger}"}
`;
const manual = "id: manual\ntasks: {a: {type: noop, operator: {}}}\n";

interface Backfill {
  readonly backfill_id: string;
  readonly state: string;
  readonly is_paused: boolean;
  readonly progress: Readonly<Record<string, number>>;
}

function daysOf(from: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, day) =>
    new Date(Date.parse(from) + day * 86_400_000).toISOString().slice(0, 10),
  );
}

describe("a backfill (G8)", () => {
  const deployment = useDeployment(async () => {
    await writeFile(ledger, "");
    return startCluster({
      definitions: { "daily.yaml": definition, "manual.yaml": manual },
      environment: { MILLRACE_SCHEDULER_LEASE: "2s", MILLRACE_SCHEDULER_POLLING_INTERVAL: "500ms" },
    });
  });

  afterAll(() => rm(ledger, { force: true }));

  async function cli(...args: string[]): Promise<unknown> {
    const { stdout, stderr, exitCode } = await deployment().cli(["backfill", ...args, "--output", "json"]);
    if (exitCode !== 0) throw new Error(`millrace backfill ${args.join(" ")} ended with ${exitCode}: ${stderr}`);
    return JSON.parse(stdout);
  }

  const show = async (id: string): Promise<Backfill> =>
    (await (await fetch(`${deployment().url}/api/v1/backfills/${id}`)).json()) as Backfill;

  async function create(...args: string[]): Promise<string> {
    return ((await cli("create", "daily", ...args)) as Backfill).backfill_id;
  }

  /** Dates that were written with a mark, in order. */
  async function written(mark: string): Promise<readonly string[]> {
    const lines = (await readFile(ledger, "utf8")).split("\n").filter((line) => line.startsWith(`${mark} `));
    return lines.map((line) => line.slice(mark.length + 1)).toSorted();
  }

  /** Kills the scheduler each time that so many slots more are done. */
  async function killAlong(id: string, marks: readonly number[]): Promise<void> {
    for (const mark of marks) {
      await expect.poll(async () => (await show(id)).progress["success"], patience).toBeGreaterThanOrEqual(mark);
      await deployment().restart("scheduler");
    }
    await expect.poll(async () => (await show(id)).state, patience).toBe("completed");
  }

  it("makes each slot's run once, though the scheduler is killed again and again", async () => {
    const id = await create("--from", "2026-01-01", "--to", "2026-02-28", "--max-active", "4");
    await killAlong(id, [0, 10, 30]);
    expect((await show(id)).progress).toMatchObject({ total: 59, success: 59, waiting: 0, failed: 0 });
    expect(await written("first")).toEqual(daysOf("2026-01-01", 59));
  });

  it("makes each run again once, as a new generation with other parameters", async () => {
    const range = ["--from", "2026-02-01", "--to", "2026-03-05"];
    const id = await create(...range, "--selection", "all", "-p", "mark=second", "--order", "newest");
    await killAlong(id, [1, 15]);
    expect((await show(id)).progress).toMatchObject({ total: 33, success: 33 });
    expect(await written("second")).toEqual(daysOf("2026-02-01", 33));
    const { dag_runs: runs } = (await cli("show", id, "--runs")) as { dag_runs: readonly { run_type: string }[] };
    expect(runs.map(({ run_type: type }) => type)).toEqual(Array.from({ length: 33 }, () => "backfill"));
  });

  it("is planned, paused, resumed, cancelled and listed", async () => {
    const range = ["--from", "2025-01-01", "--to", "2025-12-31"];
    const planned = await cli("create", "daily", ...range, "--dry-run", "--limit", "1000");
    expect(planned).toMatchObject({ total_count: 365, create_count: 365, rerun_count: 0, leave_count: 0 });
    expect((planned as { slots: readonly unknown[] }).slots).toHaveLength(365);
    const id = await create(...range, "--max-active", "1", "--note", "why");
    expect(await cli("pause", id)).toMatchObject({ is_paused: true });
    await expect.poll(async () => (await show(id)).progress["active"], patience).toBe(0);
    const { progress } = await show(id);
    expect(await cli("resume", id)).toMatchObject({ is_paused: false, note: "why" });
    await expect
      .poll(async () => (await show(id)).progress["success"], patience)
      .toBeGreaterThan(progress["success"] ?? 0);
    await cli("cancel", id, "--cancel-runs");
    await expect.poll(async () => (await show(id)).state, patience).toBe("cancelled");
    const listed = (await cli("list", "--state", "cancelled")) as readonly Backfill[];
    expect(listed.map(({ backfill_id: listedId }) => listedId)).toEqual([id]);
  });

  it("tells its outcome by the exit code, and refuses what can't be filled", async () => {
    const range = ["--from", "2026-01-01", "--to", "2026-01-02"];
    const followed = await deployment().cli(["backfill", "create", "daily", ...range, "--follow"]);
    expect(followed).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("2/2  2 left") });
    const refused = await deployment().cli(["backfill", "create", "manual", ...range]);
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("DAG_NOT_SCHEDULED") });
    const odd = await deployment().cli(["backfill", "create", "daily", ...range, "--priority", "5"]);
    expect(odd).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("-200 to 0") });
  });
});
