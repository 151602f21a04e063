import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { mariadbPath, startMariadb } from "#testing/mariadb-server.ts";
import { runCli } from "./harness/run-cli.ts";

const examples = fileURLToPath(new URL("../examples", import.meta.url));
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-operators-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Task {
  readonly task_id: string;
  readonly state: string;
  readonly last_error: string;
  readonly xcom_values: Readonly<Record<string, unknown>>;
}

/** Runs a definition and answers its tasks by id, with everything that was printed. */
async function run(definition: string, environment: Readonly<Record<string, string>>, args: readonly string[] = []) {
  const file = join(folder, "dag.yaml");
  await writeFile(file, definition);
  const { stdout, stderr, exitCode } = await runCli(["run", file, "--output", "json", ...args], { environment });
  const { task_instances: tasks } = JSON.parse(stdout) as { task_instances: readonly Task[] };
  return { exitCode, printed: stdout + stderr, tasks: Object.fromEntries(tasks.map((task) => [task.task_id, task])) };
}

test("the example of SQLite keeps what it was given, quotes and all", async () => {
  const environment = { MILLRACE_CONN_EXAMPLE_SHOP: `sqlite://${join(folder, "shop.db")}` };
  const file = join(examples, "sqlite-shop.yaml");
  for (const times of [1, 2]) {
    const { stdout, exitCode } = await runCli(["run", file, "-p", "customer=O'Brien; --"], { environment });
    expect(stdout).toContain(`O'Brien; -- has ordered ${times} time(s), for ${12.5 * times} in all`);
    expect(exitCode).toBe(0);
  }
});

test.skipIf(mariadbPath === null)("sql asks a real MariaDB, with values as parameters", async () => {
  const server = await startMariadb(mariadbPath ?? "");
  const definition = `
id: on_mariadb
parameters: {name: "Robert'); DROP TABLE kept; --"}
tasks:
  - {id: make, type: sql, operator: {connection: shop, query: "CREATE TABLE kept (name text)"}}
  - {id: write, type: sql, dependencies: [make], operator: {connection: shop, query: "INSERT INTO kept VALUES ('{{ params.name }}')"}}
  - {id: read, type: sql, dependencies: [write], operator: {connection: shop, query: SELECT name FROM kept}}
`;
  try {
    const { tasks } = await run(definition, { MILLRACE_CONN_SHOP: server.address });
    expect(tasks["read"]).toMatchObject({
      state: "success",
      xcom_values: { count: 1, rows: [{ name: "Robert'); DROP TABLE kept; --" }] },
    });
  } finally {
    await server.stop();
  }
});

test("http reaches no private address that is not allowed, and the connection's error names what is near", async () => {
  const definition = `
id: outside
tasks:
  - {id: metadata, type: http, operator: {url: "http://169.254.169.254/latest/meta-data"}}
  - {id: loopback, type: http, operator: {url: "http://0x7f.1:1/"}}
  - {id: allowed, type: http, operator: {url: "http://127.0.0.1:1/"}}
  - {id: unknown, type: sql, operator: {query: SELECT 1, connection: shpo}}
`;
  const environment = { MILLRACE_OUTBOUND_ALLOW: "127.0.0.1:1,10.0.0.0/8", MILLRACE_CONN_SHOP: "sqlite::memory:" };
  const { tasks, exitCode } = await run(definition, environment);
  expect(exitCode).toBe(1);
  expect(tasks["metadata"]?.last_error).toContain("169.254.169.254 is a link-local address");
  expect(tasks["loopback"]?.last_error).toContain("ECONNREFUSED");
  expect(tasks["allowed"]?.last_error).toContain("ECONNREFUSED");
  expect(tasks["unknown"]?.last_error).toBe("there is no connection shpo here; did you mean shop?");
});

test("a secret reaches its task and nothing else: neither log, output, error nor the run's description", async () => {
  const definition = `
id: secret
tasks:
  - id: use
    type: bash
    operator:
      bash_command: |
        test "{{ secrets.token }}" = "$EXPECTED" && echo "same {{ secrets.token }}" && echo "k={{ secrets.token }}" >> "$MILLRACE_OUTPUT"
        echo "{{ secrets.token }}" | base64
      environment: {EXPECTED: "{{ secrets.token }}"}
  - id: fail
    type: bash
    dependencies: [use]
    operator: {bash_command: "echo '{{ secrets.token }}' >&2; exit 1"}
`;
  const { tasks, printed } = await run(definition, { MILLRACE_SECRET_TOKEN: "hunter2-token" });
  expect(tasks["use"]).toMatchObject({ state: "success", xcom_values: { k: "***" } });
  expect(tasks["fail"]?.last_error).toBe("exit code 1: ***");
  expect(printed).not.toMatch(/hunter2/);
  expect(printed).not.toContain(Buffer.from("hunter2-token").toString("base64").slice(0, -4));
});

test("connections are listed and tested without a password", async () => {
  const environment = {
    MILLRACE_CONN_SHOP: "postgres://me:hunter2@127.0.0.1:1/shop",
    MILLRACE_CONN_FILES: `sqlite://${join(folder, "tested.db")}`,
    MILLRACE_CONN_API: "http://me:hunter2@127.0.0.1:1/v1",
  };
  const connections = (...args: string[]) => runCli(["connections", ...args], { environment, cwd: folder });
  const listed = await connections("list", "--output", "json");
  expect(JSON.parse(listed.stdout)).toMatchObject([
    { name: "api", type: "http", target: "http://127.0.0.1:1/v1" },
    { name: "files", type: "sqlite" },
    { name: "shop", type: "postgres", target: "postgres://me@127.0.0.1:1/shop", problem: null },
  ]);
  const works = await connections("test", "FILES");
  expect(works).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^works sqlite:.* in \d+ ms: SQLite 3/) });
  const [shop, api, unknown] = await Promise.all(["shop", "api", "shpo"].map((name) => connections("test", name)));
  expect(shop).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("CONNECTION_FAILED") });
  expect(api).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("OUTBOUND_REFUSED") });
  expect(unknown).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("did you mean shop?") });
  for (const { stdout, stderr } of [listed, works, shop, api, unknown].filter((each) => each !== undefined))
    expect(stdout + stderr).not.toContain("hunter2");
});
