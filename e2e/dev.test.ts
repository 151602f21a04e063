import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { startDev, useDeployment } from "./harness.ts";
import { runCli } from "./harness/run-cli.ts";
import { readEvents } from "./harness/read-events.ts";

const greeting = `
id: greeting
description: Says hello
parameters: {name: World}
tasks:
  - id: greet
    type: bash
    operator: {bash_command: "echo Hello {{ params.name }}; echo who={{ params.name }} >> $MILLRACE_OUTPUT"}
  - id: answer
    type: bash
    dependencies: [greet]
    operator: {bash_command: "echo heard {{ outputs.greet.who }}"}
`;

const slow = `
id: slow
tasks:
  - id: wait
    type: bash
    operator: {bash_command: "echo started; sleep 120"}
    grace_period: 1s
  - {id: after, type: noop, dependencies: [wait], operator: {}}
`;

const failing = `
id: failing
tasks:
  - {id: broken, type: bash, operator: {bash_command: "echo oops >&2; exit 3"}}
  - {id: never, type: noop, dependencies: [broken], operator: {}}
`;

interface RunJson {
  readonly dag_run_id: string;
  readonly state: string;
  readonly end_date: string | null;
  readonly parameters: Readonly<Record<string, unknown>>;
}

interface ErrorJson {
  readonly error_code: string;
  readonly message: string;
}

const deployment = useDeployment(() =>
  startDev({ definitions: { "greeting.yaml": greeting, "slow.yaml": slow, "failing.yaml": failing } }),
);

async function post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(`${deployment().url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

async function get<T>(path: string): Promise<T> {
  const response = await fetch(`${deployment().url}${path}`);
  return (await response.json()) as T;
}

function getRun(id: string): Promise<RunJson> {
  return get<RunJson>(`/api/v1/dagRuns/${encodeURIComponent(id)}`);
}

async function trigger(dagId: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<RunJson> {
  const response = await post(`/api/v1/dags/${dagId}/dagRuns`, { parameters });
  expect(response.status).toBe(201);
  return (await response.json()) as RunJson;
}

async function ended(id: string): Promise<RunJson> {
  await expect.poll(async () => (await getRun(id)).end_date, { timeout: 30_000, interval: 50 }).not.toBeNull();
  return getRun(id);
}

describe("health", () => {
  test("every component is healthy, at all addresses", async () => {
    const health = await get<{ status: string; components: object }>("/health");
    expect(health.status).toBe("healthy");
    expect(Object.keys(health.components).length).toBeGreaterThan(0);
    for (const path of ["/healthz", "/readyz", "/api/v1/health"]) {
      expect((await fetch(`${deployment().url}${path}`)).status).toBe(200);
    }
    const { exitCode, stdout } = await deployment().cli(["health"]);
    expect({ exitCode, healthy: stdout.startsWith("● healthy") }).toEqual({ exitCode: 0, healthy: true });
  });
});

describe("a run from the command line", () => {
  test("trigger --follow shows the progress and the logs and ends with 0", async () => {
    const { exitCode, stdout } = await deployment().cli(["trigger", "greeting", "-p", "name=Ada", "--follow"]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain("greet | Hello Ada");
    expect(stdout).toContain("answer | heard Ada");
    expect(stdout).toMatch(/^✓ success greeting .*: 2 success$/m);
  });

  test("a failed run ends --follow and --wait with 1", async () => {
    const followed = await deployment().cli(["trigger", "failing", "--follow"]);
    expect(followed.exitCode).toBe(1);
    expect(followed.stdout).toMatch(/^ {2}✗ broken: .*3/m);
    const waited = await deployment().cli(["trigger", "failing", "--wait", "--output", "json"]);
    expect({ code: waited.exitCode, state: (JSON.parse(waited.stdout) as RunJson).state }).toEqual({
      code: 1,
      state: "failed",
    });
  });

  test("runs, show and logs tell of it", async () => {
    await deployment().cli(["trigger", "greeting", "-p", "name=Grace", "--wait"]);
    expect((await deployment().cli(["runs", "--dag", "greeting"])).stdout).toMatch(/✓ success/);
    const shown = await deployment().cli(["show", "latest", "--dag", "greeting"]);
    expect(shown.stdout).toMatch(/greet +✓ success +1 of 1/);
    const { dag_run_id: id } = JSON.parse(
      (await deployment().cli(["show", "latest", "--dag", "greeting", "--output", "json"])).stdout,
    ) as RunJson;
    expect((await deployment().cli(["logs", id, "answer"])).stdout).toBe("heard Grace\n");
    expect((await deployment().cli(["logs", id])).stdout).toBe("greet | Hello Grace\nanswer | heard Grace\n");
  });

  test("dags list, show, pause and resume", async () => {
    const listed = await deployment().cli(["dags", "list"]);
    for (const name of ["greeting", "slow", "failing"])
      expect(listed.stdout).toMatch(new RegExp(`^${name} +● active`, "m"));
    expect((await deployment().cli(["dags", "show", "greeting"])).stdout).toContain("Says hello");
    expect((await deployment().cli(["pause", "greeting"])).stdout).toContain("paused");
    expect((await get<{ is_paused: boolean }>("/api/v1/dags/greeting")).is_paused).toBe(true);
    expect((await deployment().cli(["resume", "greeting"])).stdout).toContain("active");
  });

  test("cancel ends the run and what it runs", async () => {
    const { dag_run_id: id } = await trigger("slow");
    const log = deployment().cli(["logs", id, "-f"]);
    await expect.poll(async () => (await getRun(id)).state, { timeout: 20_000 }).toBe("running");
    const { exitCode, stdout } = await deployment().cli(["cancel", id, "--reason", "enough"]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringContaining("cancelled") });
    expect((await ended(id)).state).toBe("cancelled");
    expect((await log).exitCode).toBe(0);
  });
});

describe("a run by REST", () => {
  test("trigger, read, list tasks, read logs", async () => {
    const { dag_run_id: id, parameters } = await trigger("greeting", { name: "Ada" });
    expect(parameters).toEqual({ name: "Ada" });
    expect((await ended(id)).state).toBe("success");
    const path = `/api/v1/dagRuns/${encodeURIComponent(id)}`;
    const { task_instances: tasks } = await get<{ task_instances: { id: string; task_id: string; state: string }[] }>(
      `${path}/taskInstances`,
    );
    expect(tasks.map(({ task_id, state }) => [task_id, state])).toEqual([
      ["greet", "success"],
      ["answer", "success"],
    ]);
    const log = await fetch(`${deployment().url}/api/v1/taskInstances/${encodeURIComponent(tasks[0]?.id ?? "")}/logs`, {
      headers: { accept: "text/plain" },
    });
    expect(await log.text()).toContain("Hello Ada");
  });

  test("the same idempotency key gives the same run, with another body a conflict", async () => {
    const headers = { "idempotency-key": "once-only" };
    const first = await post("/api/v1/dags/greeting/dagRuns", { parameters: { name: "A" } }, headers);
    const again = await post("/api/v1/dags/greeting/dagRuns", { parameters: { name: "A" } }, headers);
    const other = await post("/api/v1/dags/greeting/dagRuns", { parameters: { name: "B" } }, headers);
    expect([first.status, again.status, other.status]).toEqual([201, 200, 409]);
    expect(((await again.json()) as RunJson).dag_run_id).toBe(((await first.json()) as RunJson).dag_run_id);
    expect(((await other.json()) as ErrorJson).error_code).toBe("IDEMPOTENCY_CONFLICT");
  });

  test("events come in order and resume without gap or duplicate", async () => {
    const { dag_run_id: id } = await trigger("greeting");
    await ended(id);
    const url = `${deployment().url}/api/v1/events?dag_run_id=${encodeURIComponent(id)}`;
    const isEnd = (event: { type: string }): boolean => event.type === "dag_run.ended";
    const all = await readEvents(url, { lastEventId: "0", until: isEnd });
    const types = all.map(({ type }) => type);
    expect(types[0]).toBe("dag_run.created");
    expect(types.filter((type) => type === "task_instance.success")).toHaveLength(2);
    expect(types.indexOf("task_instance.running")).toBeLessThan(types.indexOf("task_instance.success"));
    const ids = all.map(({ id: eventId }) => Number(eventId));
    expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => a - b));
    for (const [place, event] of all.slice(0, -1).entries()) {
      expect(await readEvents(url, { lastEventId: event.id, until: isEnd })).toEqual(all.slice(place + 1));
    }
  });
});

describe("bad input", () => {
  test.each([
    ["malformed JSON", "{", 400, "INVALID_ARGUMENT"],
    ["a wrong type", '{"parameters": 5}', 400, "INVALID_ARGUMENT"],
    ["an unknown field", '{"paramters": {}}', 400, "INVALID_ARGUMENT"],
    ["5 MB", `{"note": "${"x".repeat(5_000_000)}"}`, 413, "BODY_TOO_LARGE"],
  ])("%s is refused by name", async (_, body, status, code) => {
    const response = await post("/api/v1/dags/greeting/dagRuns", body);
    expect({ status: response.status, code: ((await response.json()) as ErrorJson).error_code }).toEqual({
      status,
      code,
    });
  });

  test("unknown DAGs, runs and routes are 404", async () => {
    const codes = await Promise.all([
      post("/api/v1/dags/greetng/dagRuns", {}).then((response) => response.json() as Promise<ErrorJson>),
      get<ErrorJson>("/api/v1/dagRuns/none"),
      get<ErrorJson>("/api/v1/nowhere"),
    ]);
    expect(codes.map(({ error_code }) => error_code)).toEqual(["DAG_NOT_FOUND", "RUN_NOT_FOUND", "ROUTE_NOT_FOUND"]);
    const { exitCode, stderr } = await deployment().cli(["trigger", "greetng"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining("greeting") });
  });

  test("a saved definition is in force within a second, a broken one leaves the old one in force", async () => {
    await deployment().writeDefinition("late.yaml", greeting.replace("id: greeting", "id: late"));
    await expect
      .poll(async () => (await fetch(`${deployment().url}/api/v1/dags/late`)).status, { timeout: 1000, interval: 20 })
      .toBe(200);
    await deployment().writeDefinition("late.yaml", "id: late\ntasks: [");
    await expect
      .poll(
        async () =>
          (await get<{ import_errors: { file_path: string }[] }>("/api/v1/importErrors")).import_errors.length,
        { timeout: 5000 },
      )
      .toBe(1);
    expect((await trigger("late")).state).toBe("queued");
    await deployment().writeDefinition("late.yaml", greeting.replace("id: greeting", "id: late"));
  });

  test("a port in use is an error that names it, also in a dry run", async () => {
    const { port } = new URL(deployment().url);
    const started = await runCli(["dev", "--no-open", "--port", port, "--data-dir", "other"], {
      cwd: deployment().folder,
    });
    expect({ code: started.exitCode, text: started.stderr }).toEqual({
      code: 1,
      text: expect.stringMatching(/port \d+ .*in use[\s\S]*--port/),
    });
    const checked = await runCli(["dev", "--dry-run", "--port", port], { cwd: deployment().folder });
    expect({ code: checked.exitCode, text: checked.stdout }).toEqual({
      code: 1,
      text: expect.stringContaining("in use"),
    });
  });

  test("a database that does not answer is waited for, and SIGTERM still ends the process in order", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => silent.once("listening", resolve));
    const { port } = silent.address() as { port: number };
    await new Promise((resolve) => silent.close(resolve));
    const environment = { DATABASE_URL: `postgres://nobody@127.0.0.1:${port}/none` };
    const countOf = (text: string): number => text.split("trying again").length - 1;
    const { exitCode, stderr } = await runCli(["start", "scheduler", "--port", "0"], {
      cwd: deployment().folder,
      environment,
      signalWhen: { signal: "SIGTERM", isTime: (written) => countOf(written.stderr) >= 2 },
    });
    expect(exitCode).toBe(0);
    expect(countOf(stderr)).toBeGreaterThanOrEqual(2);
  });
});
