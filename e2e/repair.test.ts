import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startDev, useDeployment } from "./harness.ts";
import type { CliResult } from "./harness/run-cli.ts";
import { readEvents } from "./harness/read-events.ts";

/** `check` fails until the definition is mended. */
const etl = (check: string): string => `
id: etl
parameters: {day: monday}
tasks:
  - {id: load, type: bash, operator: {bash_command: "echo loaded {{ params.day }}"}}
  - {id: check, type: bash, dependencies: [load], operator: {bash_command: "${check}"}}
  - {id: report, type: bash, dependencies: [check], operator: {bash_command: "echo report of {{ params.day }}"}}
`;

/** The same, where `check` has become `verify`. */
const renamed = `
id: renamed
tasks:
  - {id: load, type: noop, operator: {}}
  - {id: verify, type: noop, dependencies: [load], operator: {}}
  - {id: report, type: noop, dependencies: [verify], operator: {}}
`;

/** Waits for a file each time before it ends. */
const gated = (folder: string): string => `
id: gated
tasks:
  - {id: before, type: noop, operator: {}}
  - {id: gate, type: bash, dependencies: [before], grace_period: 1s, operator: {bash_command: "until test -e ${folder}/open; do sleep 0.1; done"}}
  - {id: after, type: noop, dependencies: [gate], operator: {}}
`;

const flaky = `
id: flaky
tasks:
  - {id: bad, type: bash, operator: {bash_command: "exit 3"}, retry: {max_retries: 1, delay: 1h}}
  - {id: below, type: noop, dependencies: [bad], operator: {}}
  - {id: far, type: noop, queue: gpu, operator: {}}
`;

interface TaskJson {
  readonly task_id: string;
  readonly state: string;
  readonly next_state: string;
}

interface PlanJson {
  readonly version: number;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly kept: readonly TaskJson[];
  readonly re_run: readonly TaskJson[];
  readonly removed: readonly TaskJson[];
  readonly marked: readonly TaskJson[];
}

interface RunJson {
  readonly dag_run_id: string;
  readonly state: string;
  readonly version: number;
  readonly end_date: string | null;
  readonly parameters: Readonly<Record<string, unknown>>;
}

const deployment = useDeployment(() =>
  startDev({
    definitions: {
      "etl.yaml": etl("exit 3"),
      "renamed.yaml": renamed
        .replaceAll("verify", "check")
        .replace(
          "type: noop, dependencies: [load], operator: {}",
          "type: bash, dependencies: [load], operator: {bash_command: exit 1}",
        ),
      "flaky.yaml": flaky,
    },
  }),
);

async function json<T>(path: string, init: RequestInit = {}): Promise<T> {
  const response = await fetch(`${deployment().url}/api/v1${path}`, {
    headers: { "content-type": "application/json" },
    ...init,
  });
  return (await response.json()) as T;
}

const post = <T>(path: string, body: unknown): Promise<T> =>
  json<T>(path, { method: "POST", body: JSON.stringify(body) });
const readRun = (id: string): Promise<RunJson> => json<RunJson>(`/dagRuns/${encodeURIComponent(id)}`);

const cli = (args: readonly string[]): Promise<CliResult> => deployment().cli(args);

async function trigger(dagId: string): Promise<string> {
  return (await post<RunJson>(`/dags/${dagId}/dagRuns`, {})).dag_run_id;
}

async function ended(id: string): Promise<RunJson> {
  await expect.poll(async () => (await readRun(id)).end_date, { timeout: 30_000, interval: 50 }).not.toBeNull();
  return readRun(id);
}

async function states(id: string): Promise<Readonly<Record<string, string>>> {
  const { task_instances: tasks } = await json<{ task_instances: readonly TaskJson[] }>(
    `/dagRuns/${encodeURIComponent(id)}/taskInstances`,
  );
  return Object.fromEntries(tasks.map(({ task_id, state }) => [task_id, state]));
}

/** Replaces a definition and waits until its new version is in force. */
async function replaceDefinition(dagId: string, text: string): Promise<void> {
  const versionOf = async (): Promise<number> => (await json<{ version: number }>(`/dags/${dagId}`)).version;
  const before = await versionOf();
  await deployment().writeDefinition(`${dagId}.yaml`, text);
  await expect.poll(versionOf, { timeout: 20_000, interval: 50 }).toBeGreaterThan(before);
}

const idsOf = (tasks: readonly TaskJson[]): readonly string[] => tasks.map(({ task_id }) => task_id);

describe("a run that failed because of its definition", () => {
  test("is planned, run again by the mended version, and ends with success", async () => {
    const id = await trigger("etl");
    expect((await ended(id)).state).toBe("failed");
    const nothing = await cli(["rerun", id, "--latest", "--from", "lod"]);
    expect(nothing).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("did you mean load?") });
    await replaceDefinition("etl", etl("echo fine"));

    const planned = await cli(["rerun", id, "--latest", "--plan"]);
    expect(planned.stdout).toMatch(/^re-run +check +✗ failed +◷ queued$/m);
    expect(planned.stdout).toMatch(/^re-run +report +⚠ upstream_failed +◌ none$/m);
    expect(planned.stdout).toMatch(/^keep +load +✓ success$/m);
    expect(planned.stdout).toContain("version 2: 2 to run again, 1 kept; nothing was changed");
    expect(await readRun(id)).toMatchObject({ state: "failed", version: 1 });

    const asJson = await cli(["rerun", id, "--latest", "--plan", "--output", "json"]);
    const done = await cli(["rerun", id, "--latest", "--output", "json"]);
    expect(JSON.parse(done.stdout)).toEqual(JSON.parse(asJson.stdout));
    expect(await ended(id)).toMatchObject({ state: "success", version: 2 });
    const shown = await cli(["show", id]);
    expect(shown.stdout).toMatch(/check +✓ success +1 of 1/);
    const { attempts } = await json<{ attempts: readonly { generation: number; state: string }[] }>(
      `/taskInstances/${encodeURIComponent(`${id}__check`)}/attempts`,
    );
    expect(attempts.map(({ generation, state }) => [generation, state])).toEqual([
      [1, "failed"],
      [2, "success"],
    ]);
  });

  test("loses the tasks that the new version has not, and gets its new ones", async () => {
    const id = await trigger("renamed");
    expect((await ended(id)).state).toBe("failed");
    await replaceDefinition("renamed", renamed);
    const plan = await post<PlanJson>(`/dagRuns/${encodeURIComponent(id)}/rerun?plan=true`, { version: "latest" });
    expect({ ...plan, kept: idsOf(plan.kept), re_run: idsOf(plan.re_run), removed: idsOf(plan.removed) }).toMatchObject(
      {
        kept: ["load"],
        re_run: ["verify", "report"],
        removed: ["check"],
        version: 2,
      },
    );
    expect(plan.re_run[0]).toMatchObject({ state: null, next_state: "queued" });
    const followed = await cli(["rerun", id, "--latest", "--follow"]);
    expect(followed.exitCode).toBe(0);
    expect(await states(id)).toEqual({ load: "success", check: "removed", report: "success", verify: "success" });
    expect(await ended(id)).toMatchObject({ state: "success" });
  });
});

test("a successful run is run again with another parameter, and --wait waits for the new end", async () => {
  const first = await cli(["trigger", "etl", "--wait", "--output", "json"]);
  const { dag_run_id: id } = JSON.parse(first.stdout) as RunJson;
  const refused = await cli(["rerun", id]);
  expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("NOTHING_TO_REPAIR") });
  const again = await cli(["rerun", id, "--from", "report", "-p", "day=friday", "--wait", "--output", "json"]);
  expect(again.exitCode).toBe(0);
  expect(JSON.parse(again.stdout)).toMatchObject({ state: "success", parameters: { day: "friday" } });
  expect((await cli(["logs", id, "report"])).stdout).toBe("report of friday\n");
  expect((await cli(["logs", id, "load"])).stdout).toBe("loaded monday\n");
});

test("a repair with a key is done once, is answered the same again, and lends its key to nothing else", async () => {
  const id = await trigger("flaky");
  const generation = async (): Promise<number> =>
    (await json<{ generation: number }>(`/taskInstances/${id}__bad`)).generation;
  const clear = (...more: string[]) =>
    cli(["clear", id, "bad", "--idempotency-key", "once", "--output", "json", ...more]);
  const first = await clear();
  const again = await clear();
  expect(JSON.parse(again.stdout)).toEqual(JSON.parse(first.stdout));
  expect(await generation()).toBe(2);
  const other = await clear("--downstream");
  expect(other).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("IDEMPOTENCY_CONFLICT") });
  expect(await generation()).toBe(2);
});

test("a task is marked by hand: with what is below it the run goes on, and the events say who and why", async () => {
  const id = await trigger("flaky");
  await expect.poll(async () => (await states(id))["bad"], { timeout: 20_000 }).toBe("up_for_retry");
  const planned = await cli(["mark", "success", id, "bad", "--downstream", "--plan"]);
  expect(planned.stdout).toMatch(/^mark +bad +↻ up_for_retry +✓ success$/m);
  expect((await states(id))["bad"]).toBe("up_for_retry");
  const marked = await cli(["mark", "success", id, "bad", "--downstream", "--note", "done by hand"]);
  expect(marked.exitCode).toBe(0);
  await cli(["mark", "skipped", id, "far"]);
  expect((await ended(id)).state).toBe("success");
  const url = `${deployment().url}/api/v1/events?dag_run_id=${encodeURIComponent(id)}`;
  const events = await readEvents(url, { lastEventId: "0", until: ({ type }) => type === "dag_run.ended" });
  const repaired = events.find(({ type }) => type === "dag_run.repaired");
  expect(JSON.stringify(repaired?.data)).toContain("done by hand");
});

test("a running task is cleared with what is below: its attempt is stopped, and the next life ends the run", async () => {
  const folder = deployment().folder;
  await deployment().writeDefinition("gated.yaml", gated(folder));
  const found = async (): Promise<number> => (await fetch(`${deployment().url}/api/v1/dags/gated`)).status;
  await expect.poll(found, { timeout: 20_000 }).toBe(200);
  const id = await trigger("gated");
  await expect.poll(async () => (await states(id))["gate"], { timeout: 20_000 }).toBe("running");
  const cleared = await cli(["clear", id, "gate", "--downstream"]);
  expect(cleared.stdout).toMatch(/^re-run +gate +◐ running +◷ queued$/m);
  expect(cleared.stdout).toContain("2 to run again, 1 kept");
  const longRunning = ["tasks", "--running-longer-than", "1ms", "--dag", "gated", "--output", "json"];
  const secondLife = async (): Promise<unknown> => JSON.parse((await cli(longRunning)).stdout);
  await expect.poll(secondLife, { timeout: 20_000 }).toMatchObject([{ task_id: "gate", generation: 2, try_number: 1 }]);
  await writeFile(join(folder, "open"), "");
  expect(await ended(id)).toMatchObject({ state: "success" });
});

describe("explain", () => {
  test("says why a run and its tasks wait, until nothing waits", async () => {
    const id = await trigger("flaky");
    await expect.poll(async () => (await states(id))["bad"], { timeout: 20_000 }).toBe("up_for_retry");
    const { stdout } = await cli(["explain", id]);
    expect(stdout).toMatch(/^the run is running; 3 task instances have not ended$/m);
    expect(stdout).toMatch(/^far +◷ queued +no live worker takes queue gpu; the workers take default$/m);
    expect(stdout).toMatch(/^bad +↻ up_for_retry +attempt 1 failed; the next is due at .*, in \d+ s$/m);
    expect(stdout).toMatch(/^below +◌ none +waits for bad \(up_for_retry\)$/m);
    expect((await cli(["explain", id, "below"])).stdout).toBe("waits for bad (up_for_retry)\n");
    expect((await cli(["explain", `${id}__below`])).stdout).toBe("waits for bad (up_for_retry)\n");
    const paused = await json<{ is_paused: boolean }>(`/dagRuns/${encodeURIComponent(id)}`, {
      method: "PATCH",
      body: JSON.stringify({ action: "pause" }),
    });
    expect(paused.is_paused).toBe(true);
    expect((await cli(["explain", id, "far"])).stdout).toContain("the run is paused");
    expect((await cli(["tasks", "--state", "up_for_retry", "--run", id])).stdout).toMatch(/^bad +/m);
    await cli(["cancel", id]);
    expect((await cli(["explain", id])).stdout).toBe("the run has ended: cancelled\n");
  });
});
