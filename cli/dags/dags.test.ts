import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { resolveSettings } from "#config/settings.ts";
import { operatorSchemas } from "#operators/registry.ts";
import { startServer } from "#rpc/server.ts";
import { createInProcessTransport } from "#rpc/transport.ts";
import { wireGateway } from "#services/gateway/main.ts";
import { wireParser } from "#services/parser/main.ts";
import { createMemoryStore } from "#store/memory/memory-store.ts";
import { createLogger } from "#telemetry/logger.ts";
import { runCommand } from "../run-command.testsuite.ts";
import { toPlan } from "../serve/open-store.ts";

const logger = createLogger({ level: "silent", format: "json", component: "test" });

let directory = "";

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "millrace-dags-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await mkdir(join(directory, "dags"));
});

const first = `id: etl
tasks:
  - {id: load, type: noop, operator: {}}
`;
const second = `id: etl
owner: data
tasks:
  - {id: load, type: bash, operator: {bash_command: "true"}}
  - {id: tell, type: noop, dependencies: [load], operator: {}}
`;

/** A gateway and a parser on a port, over one store. */
async function serve() {
  const store = createMemoryStore({ toPlan });
  const environment = { MILLRACE_DAGS_RELOAD_ON_CHANGE: "false" };
  const settings = resolveSettings({ flags: { dags: join(directory, "dags") }, environment, file: null });
  const parser = wireParser(settings, { store, operators: operatorSchemas, logger });
  await parser.start();
  onTestFinished(() => parser.stop());
  const peer = createInProcessTransport(parser.routes, { logger });
  const parts = { store, artifacts: null, parser: peer, scheduler: peer, executor: peer, version: "1", logger };
  const gateway = wireGateway(settings, parts);
  onTestFinished(() => gateway.stop());
  const { routes, handleHttp } = gateway;
  const server = await startServer({ host: "127.0.0.1", port: 0, routes, handleHttp, logger, closeTimeoutMs: 500 });
  onTestFinished(() => server.close());
  const call = async (method: string, path: string, body: string | null = null, type = "application/yaml") => {
    const init = body === null ? {} : { headers: { "content-type": type }, body };
    const answer = await fetch(`${server.url}/api/v1/dags${path}`, { method, ...init });
    return { status: answer.status, headers: answer.headers, json: (await answer.json()) as Record<string, unknown> };
  };
  const cli = (...args: string[]) => runCommand(["dags", ...args, "--server", server.url], { directory });
  return { store, call, cli };
}

describe("a push", () => {
  test("puts YAML or JSON in force as it was sent: 201 and the version, 200 when it was in force already", async () => {
    const { call } = await serve();

    const made = await call("POST", "", first);
    expect(made).toMatchObject({ status: 201, json: { dag_id: "etl", version: 1, changed: true, problems: [] } });
    expect(made.headers.get("location")).toBe("/api/v1/dags/etl");
    expect(await call("POST", "", first)).toMatchObject({ status: 200, json: { version: 1, changed: false } });
    const json = `{\n\t"id": "etl",\n\t"tasks": [{"id": "load", "type": "noop", "operator": {}}]\n}`;
    expect(await call("POST", "", json, "application/json")).toMatchObject({ status: 201, json: { version: 2 } });
    expect(await call("GET", "/etl")).toMatchObject({ json: { version: 2, is_active: true, file_path: "" } });
    expect(await call("GET", "/etl/versions/2")).toMatchObject({ json: { content: json, source: "api" } });
  });

  test("with errors is refused with all of them at their places, and nothing changes", async () => {
    const { call } = await serve();
    await call("POST", "", first);

    const refused = await call(
      "POST",
      "?source=ci.yaml",
      "id: etl\nowner: [1]\ntasks: [{id: a, type: nope, operator: {}}]\n",
    );

    expect(refused).toMatchObject({ status: 400, json: { error_code: "INVALID_DEFINITION" } });
    const { errors } = refused.json["details"] as { errors: { file: string; line: number; code: string }[] };
    expect(errors).toEqual([
      expect.objectContaining({ file: "ci.yaml", line: 2 }),
      expect.objectContaining({ file: "ci.yaml", line: 3 }),
    ]);
    expect(await call("GET", "/etl")).toMatchObject({ json: { version: 1 } });
  });

  test.each([
    ["nothing", ""],
    ["no text", "\u0000"],
    ["a list", "[1, 2]"],
    ["half a definition", `{"id": "etl", "tasks": [`],
  ])("of %s is refused as a definition", async (_, body) => {
    const { call } = await serve();
    expect(await call("POST", "", body)).toMatchObject({ status: 400, json: { error_code: "INVALID_DEFINITION" } });
  });

  test("does not take the text from elsewhere than the body", async () => {
    const { call } = await serve();
    const refused = await call("POST", "?content=aWQ6IGE=", first);
    expect(refused).toMatchObject({ status: 400, json: { details: { field: "content" } } });
  });

  test("does not take the id of a file", async () => {
    await writeFile(join(directory, "dags", "etl.yaml"), first);
    const { call } = await serve();
    expect(await call("POST", "", second)).toMatchObject({
      status: 409,
      json: { error_code: "DAG_ID_TAKEN", details: { file_path: "etl.yaml" } },
    });
  });
});

describe("versions", () => {
  test("are listed newest first, page by page, with the one in force", async () => {
    const { call } = await serve();
    for (const text of [first, second, first]) await call("POST", "", text);

    const page = await call("GET", "/etl/versions?limit=2");
    expect(page.json).toMatchObject({
      versions: [
        { dag_id: "etl", version: 3, is_active: true, source: "api", file_path: "" },
        { version: 2, is_active: false },
      ],
      total_count: 3,
    });
    const rest = await call("GET", `/etl/versions?limit=2&cursor=${String(page.json["next_cursor"])}`);
    expect(rest.json).toMatchObject({ versions: [{ version: 1 }], next_cursor: "" });
    expect(await call("GET", "/etl/versions/4")).toMatchObject({
      status: 404,
      json: { error_code: "DAG_VERSION_NOT_FOUND", details: { newest_version: 3 } },
    });
    expect(await call("GET", "/elt/versions")).toMatchObject({ status: 404, json: { details: { closest: "etl" } } });
    expect(await call("GET", "/etl/versions/first")).toMatchObject({ status: 400 });
  });

  test("have a difference in meaning and in lines, both ways", async () => {
    const { call } = await serve();
    await call("POST", "", first);
    await call("POST", "", second);

    const forth = await call("GET", "/etl/versions/1/diff/2");
    expect(forth).toMatchObject({
      status: 200,
      json: {
        from_version: 1,
        to_version: 2,
        keys_changed: ["owner"],
        tasks_added: ["tell"],
        tasks_removed: [],
        tasks_changed: [{ task_id: "load", keys: ["operator", "type"] }],
      },
    });
    expect(forth.json["text_diff"]).toContain("--- etl 1\n+++ etl 2\n@@ -1,3 +1,5 @@\n id: etl\n+owner: data\n");
    expect(await call("GET", "/etl/versions/2/diff/1")).toMatchObject({ json: { tasks_removed: ["tell"] } });
    expect(await call("GET", "/etl/versions/2/diff/2")).toMatchObject({ json: { keys_changed: [], text_diff: "" } });
    expect(await call("GET", "/etl/versions/2/diff/9")).toMatchObject({ status: 404 });
  });
});

describe("a deletion", () => {
  test("archives what was pushed, as often as it is asked for, and leaves its versions", async () => {
    const { call } = await serve();
    await call("POST", "", first);

    for (const _ of [1, 2]) {
      expect(await call("DELETE", "/etl")).toMatchObject({
        status: 200,
        json: { is_active: false, registration: { state: "archived" } },
      });
    }
    expect(await call("GET", "")).toMatchObject({ json: { dags: [] } });
    expect(await call("GET", "/etl/versions/1")).toMatchObject({ json: { is_active: false, content: first } });
    expect(await call("POST", "", first)).toMatchObject({ status: 201, json: { version: 1, changed: true } });
    expect(await call("DELETE", "/nobody")).toMatchObject({ status: 404, json: { error_code: "DAG_NOT_FOUND" } });
  });

  test("is refused while the file is there, and done when only the scan has not seen that it is gone", async () => {
    const file = join(directory, "dags", "etl.yaml");
    await writeFile(file, first);
    const { call } = await serve();

    expect(await call("DELETE", "/etl")).toMatchObject({
      status: 409,
      json: { error_code: "DAG_FILE_PRESENT", details: { dag_id: "etl", file_path: "etl.yaml" } },
    });
    await rm(file);
    expect(await call("DELETE", "/etl")).toMatchObject({ status: 200, json: { is_active: false } });
  });

  test("is refused when the folder itself is away: the file may be back with it", async () => {
    await writeFile(join(directory, "dags", "etl.yaml"), first);
    const { call } = await serve();
    await rm(join(directory, "dags"), { recursive: true });
    expect(await call("DELETE", "/etl")).toMatchObject({ status: 409, json: { error_code: "DAG_FILE_PRESENT" } });
  });
});

describe("on the command line", () => {
  test("a definition is pushed, compared, read and deleted", async () => {
    const { cli } = await serve();
    const file = join(directory, "etl.yaml");
    await writeFile(file, first);

    expect(await cli("push", "etl.yaml")).toMatchObject({ output: "etl version 1 is in force\n", exitCode: 0 });
    expect(await cli("push", "etl.yaml")).toMatchObject({ output: "etl version 1 was in force already\n" });
    expect((await cli("diff", "etl")).errors).toContain("the DAG etl has one version");
    await writeFile(file, second);
    await cli("push", "etl.yaml");

    expect((await cli("diff", "etl")).output).toBe(
      `etl 1 → 2
    ~ owner
    + task tell
    ~ task load: operator, type
--- etl 1
+++ etl 2
@@ -1,3 +1,5 @@
 id: etl
+owner: data
 tasks:
-  - {id: load, type: noop, operator: {}}
+  - {id: load, type: bash, operator: {bash_command: "true"}}
+  - {id: tell, type: noop, dependencies: [load], operator: {}}
`,
    );
    expect((await cli("diff", "etl", "2", "2")).output).toBe("etl 2 → 2 says the same\n");
    expect((await cli("versions", "etl")).output).toMatch(/^VERSION .*\n2 ● .* a push .*\n1 /);
    expect((await cli("versions", "etl", "1")).output).toBe(first);
    expect((await cli("delete", "etl")).output).toBe("etl is archived; its runs and versions stay\n");
  });

  test("a file is compared with the version in force, and one that can't be is refused", async () => {
    const { cli } = await serve();
    const file = join(directory, "etl.yaml");
    await writeFile(file, first);
    await cli("push", "etl.yaml");
    const diff = (...args: string[]) => cli("diff", "etl", "--file", "etl.yaml", ...args);

    expect((await diff()).output).toBe("etl 1 → etl.yaml says the same\n");
    await writeFile(file, `# a comment\n${first}`);
    expect((await diff()).output).toContain("the meaning is the same\n--- etl 1\n+++ etl.yaml\n@@ -1,3 +1,4 @@\n+# a");
    await writeFile(file, second);
    expect((await diff()).output).toContain(
      "    ~ owner\n    + task tell\n    ~ task load: operator, type\n--- etl 1\n",
    );
    expect(JSON.parse((await diff("--output", "json")).output)).toMatchObject({
      from_version: 1,
      keys_changed: ["owner"],
      tasks_changed: [{ task_id: "load", keys: ["operator", "type"] }],
    });

    await writeFile(file, second.replace("[load]", "[laod]"));
    expect(await diff()).toMatchObject({ output: expect.stringMatching(/^etl\.yaml:5:.*UNKNOWN_TASK/), exitCode: 1 });
    const refused = await diff("--output", "json");
    expect(refused.exitCode).toBe(1);
    expect(JSON.parse(refused.output)).toMatchObject({
      dag_id: "etl",
      file: "etl.yaml",
      problems: [{ file: "etl.yaml", line: 5, code: "UNKNOWN_TASK", warning: false }],
    });
    await writeFile(file, first.replace("etl", "other"));
    expect((await diff()).errors).toContain("etl.yaml defines the DAG other, not etl");
    expect((await diff("1")).errors).toContain("leave the numbers of versions out");
    expect((await cli("diff", "etl", "--file", "none.yaml")).errors).toContain("can't read none.yaml");
  });

  test("a push with errors says each of them and ends with the code of a wrong definition", async () => {
    const { cli } = await serve();
    await writeFile(join(directory, "bad.yaml"), "id: etl\nowner: [1]\ntasks: [{id: a, type: nope, operator: {}}]\n");

    const { errors, exitCode } = await cli("push", "bad.yaml");

    expect(errors).toMatch(/bad\.yaml:2:\d+ /);
    expect(errors).toMatch(/bad\.yaml:3:\d+ /);
    expect(exitCode).toBe(2);
    expect((await cli("push", "none.yaml")).errors).toContain("can't read none.yaml");
  });
});
