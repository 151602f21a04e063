import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { resolveSettings } from "#config/settings.ts";
import { startServer } from "#rpc/server.ts";
import { operatorSchemas } from "#operators/registry.ts";
import { createInProcessTransport } from "#rpc/transport.ts";
import { wireGateway } from "#services/gateway/main.ts";
import { wireParser } from "#services/parser/main.ts";
import { createMemoryStore } from "#store/memory/memory-store.ts";
import { createLogger } from "#telemetry/logger.ts";
import { runCommand } from "../run-command.testsuite.ts";
import { toPlan } from "../serve/open-store.ts";

const logger = createLogger({ level: "silent", format: "json", component: "test" });

let directory = "";
let dags = "";

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "millrace-templates-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  dags = join(directory, "dags");
  await mkdir(dags);
});

const base = `template: {name: base, version: 1.0.0, docs: What all have, parameters: {team: data}}
dag: {owner: "{{ .team }}", tasks: [{id: begin, type: noop, operator: {}}]}
`;
const etl = (version: string, task = "load"): string => `template:
  name: etl
  version: ${version}
  extends: base
  parameters: {table: {type: string, required: true, description: Which table}}
dag:
  tasks:
    ${task}: {type: bash, dependencies: [begin], operator: {bash_command: "load {{ .table }}"}}
`;

async function write(file: string, text: string): Promise<string> {
  await writeFile(join(dags, file), text);
  return join(dags, file);
}

/** Where no server looks. */
async function writeBeside(file: string, text: string): Promise<string> {
  await writeFile(join(directory, file), text);
  return join(directory, file);
}

function run(...args: string[]) {
  return runCommand(args, { directory });
}

describe("without a server", () => {
  test("create prints the definition, or writes it where nothing is yet", async () => {
    await write("base.yaml", base);
    await write("etl.yaml", etl("1.0.0"));
    await writeBeside("p.yml", "table: o'clock\n");
    const printed = await run("template", "create", "etl@^1", "--params", "p.yml", "--id", "mine", "--dags", dags);
    expect(printed).toMatchObject({ errors: "", exitCode: 0 });
    const written = await run(
      "template",
      "create",
      "--template=etl",
      "-p",
      "table=o'clock",
      "--dags",
      dags,
      "--id",
      "mine",
      "-o",
      "d.yaml",
    );
    expect(written).toEqual({ output: "wrote d.yaml\n", errors: "", exitCode: 0 });
    expect(await readFile(join(directory, "d.yaml"), "utf8")).toBe(printed.output);
    const again = await run("template", "create", "etl", "-p", "table=x", "--dags", dags, "-o", "d.yaml");
    expect(again.errors).toMatch(/can't write d\.yaml/);
    expect((await run("validate", join(directory, "d.yaml"))).output).toBe("1 DAG(s) valid\n");
  });

  test("create says what is wrong where it stands", async () => {
    await write("base.yaml", base);
    await write("etl.yaml", etl("1.0.0"));
    await writeBeside("p.yml", "team: x\ntabel: y\n");
    const wrong = await run("template", "create", "etl", "--params", "p.yml", "--dags", dags);
    expect(wrong).toMatchObject({ output: "", exitCode: 2 });
    expect(wrong.errors).toMatch(/^p\.yml:1:1 MISSING_PARAMETER .*\np\.yml:2:1 UNKNOWN_PARAMETER .*`table`/);
    const unknown = await run("template", "create", "elt", "--dags", dags);
    expect(unknown.errors).toMatch(/there is no template `elt`; did you mean `etl`\?\n {2}TEMPLATE_NOT_FOUND/);
    expect((await run("template", "create", "--dags", dags)).errors).toContain("which template?");
    expect((await run("template", "list", "--dags", "nowhere")).errors).toContain("there is no folder nowhere");
  });

  test("list and show tell what there is", async () => {
    await write("base.yaml", base);
    await write("etl.yaml", etl("1.0.0"));
    const listed = await run("template", "list", "--dags", dags, "--output", "json");
    expect(JSON.parse(listed.output)).toMatchObject([
      { name: "base", version: "1.0.0", extends: null, docs: "What all have" },
      { name: "etl", extends: "base@*" },
    ]);
    expect((await run("template", "list", "--dags", dags)).output).toMatch(/^NAME .*\nbase .*\netl .* base@\*/);
    const { output } = await run("template", "show", "etl", "--dags", dags);
    expect(output).toMatch(/^etl 1\.0\.0 /);
    expect(output).toMatch(/^team +any +"data"$/m);
    expect(output).toMatch(/^table +string +required +Which table$/m);
    expect(output).toContain("inherits from base 1.0.0\n  parameters: team\n  tasks: begin\n");
  });

  test("validate finds errors of templates and instances, each in its file, and once", async () => {
    await write("base.yaml", base);
    await write("etl.yaml", etl("1.0.0"));
    await write("one.yaml", "from_template: {name: etl, parameters: {table: one}}\n");
    expect(await run("validate", dags)).toEqual({
      output: "2 template(s) and 1 DAG(s) valid\n",
      errors: "",
      exitCode: 0,
    });
    const one = await run("validate", join(dags, "one.yaml"));
    expect(one.output).toBe("1 DAG(s) valid\n");
    await write("two.yaml", "from_template: {name: etl, version: ^2, parameters: {tabel: two}}\n");
    await write("etl.yaml", etl("1.0.0").replace("type: bash", "type: bahs"));
    const { output, exitCode } = await run("validate", dags);
    expect(exitCode).toBe(1);
    expect(output.split("\n").map((line) => line.replace(`${dags}/`, "").split(" ").slice(0, 2).join(" "))).toEqual([
      "etl.yaml:8:18 UNKNOWN_OPERATOR",
      "two.yaml:1:23 UNKNOWN_TEMPLATE",
      "1 template(s)",
      "",
    ]);
    const checked = await run("template", "validate", "etl", "--dags", dags);
    expect(checked).toMatchObject({ exitCode: 1 });
    expect(checked.output).toContain("etl 1.0.0 inherits from base 1.0.0");
    expect((await run("template", "validate", join(dags, "base.yaml"))).output).toBe("1 template(s) checked\n");
  });

  test("validate and run take an instance by itself, with the templates beside it", async () => {
    await write("base.yaml", base);
    await write("small.yaml", "template: {name: small, extends: base}\n");
    const file = await write("one.yaml", "id: one\nfrom_template: {name: small}\n");
    const { output, exitCode } = await run("run", file, "--dry-run");
    expect(exitCode).toBe(0);
    expect(output).toContain("one would run 1 task(s)");
    const alone = await run("run", await write("t.yaml", base.replace("1.0.0", "9.0.0")), "--dry-run");
    expect(alone.errors).toContain("NO_DEFINITION the file holds templates alone, and no definition");
  });
});

describe("a server", () => {
  async function serve() {
    const store = createMemoryStore({ toPlan });
    const environment = { MILLRACE_DAGS_RELOAD_ON_CHANGE: "false" };
    const settings = resolveSettings({ flags: { dags }, environment, file: null });
    const parser = wireParser(settings, { store, operators: operatorSchemas, logger });
    await parser.start();
    onTestFinished(() => parser.stop());
    const peer = createInProcessTransport(parser.routes, { logger });
    const gateway = wireGateway(settings, {
      store,
      artifacts: null,
      parser: peer,
      scheduler: peer,
      executor: peer,
      version: "1",
      logger,
    });
    onTestFinished(() => gateway.stop());
    const { routes, handleHttp } = gateway;
    const server = await startServer({ host: "127.0.0.1", port: 0, routes, handleHttp, logger, closeTimeoutMs: 500 });
    onTestFinished(() => server.close());
    const call = async (method: string, path: string, body?: unknown) => {
      const init =
        body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
      const answer = await fetch(`${server.url}/api/v1/templates${path}`, { method, ...init });
      return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
    };
    const cli = (...args: string[]) => run(...args, "--server", server.url);
    return { store, call, cli };
  }

  test("publishes, instantiates, shows what a change touches, updates, and withdraws what nothing uses", async () => {
    await write("base.yaml", base);
    const { call, cli, store } = await serve();
    const published = await call("POST", "", { content: etl("1.0.0") });
    expect(published).toMatchObject({
      status: 201,
      json: { templates: [{ name: "etl", version: "1.0.0" }], problems: [] },
    });
    expect(await call("POST", "", { content: etl("1.0.0") })).toMatchObject({ status: 201 });
    expect(await call("POST", "", { content: etl("1.0.0", "other") })).toMatchObject({
      status: 409,
      json: { error_code: "TEMPLATE_EXISTS" },
    });
    expect((await call("GET", "")).json).toMatchObject({
      templates: [
        { name: "base", file_path: "base.yaml" },
        { name: "etl", file_path: "" },
      ],
      total_count: 2,
    });
    expect((await call("GET", "/etl")).json).toMatchObject({
      version: "1.0.0",
      extends: "base@*",
      parameters: { table: { type: "string", required: true }, team: { default: "data" } },
      inherits: { from: ["base 1.0.0"], tasks: ["begin"] },
    });

    const parameters = { table: "a {{ b }}" };
    const made = await call("POST", "/etl/instances", { instance_name: "orders", version: "^1", parameters });
    expect(made).toMatchObject({ status: 201, json: { dag_id: "etl_orders", version: 1, template_version: "1.0.0" } });
    expect((await call("GET", "/base/instances")).json).toMatchObject({
      instances: [
        { dag_id: "etl_orders", template: "etl", version_range: "^1", parameters, uses: ["base@1.0.0", "etl@1.0.0"] },
      ],
    });

    const next = await writeBeside("etl-next.yml", etl("1.1.0", "copy"));
    const impact = await cli("template", "impact", "etl", "--file", next);
    expect(impact).toMatchObject({ errors: "", exitCode: 0 });
    expect(impact.output).toBe("~ etl_orders 1.0.0 → 1.1.0\n    + task copy\n    - task load\n");
    expect((await cli("template", "update", "etl")).output).toBe("= etl_orders 1.0.0 stays as it is\n");
    await call("POST", "", { content: etl("1.1.0", "copy") });
    const planned = await cli("template", "update", "etl", "--plan", "--output", "json");
    expect(JSON.parse(planned.output)).toMatchObject({ instances: [{ kind: "changed", dag_version: 0 }] });
    expect(await store.definitions.getActive("etl_orders")).toMatchObject({ version: 1 });
    const updated = await cli("template", "update", "etl", "--instances", "etl_orders");
    expect(updated.output).toContain("~ etl_orders 1.0.0 → 1.1.0 version 2 is in force");
    expect(await store.definitions.getActive("etl_orders")).toMatchObject({ version: 2 });

    expect(await call("DELETE", "/etl/1.1.0")).toMatchObject({ status: 409, json: { error_code: "TEMPLATE_IN_USE" } });
    expect(await call("DELETE", "/etl/1.0.0")).toMatchObject({ status: 200, json: { withdrawn: ["etl@1.0.0"] } });
    expect(await call("DELETE", "/etl/1.0.0")).toMatchObject({
      status: 404,
      json: { error_code: "TEMPLATE_NOT_FOUND" },
    });
    expect(await call("DELETE", "/base")).toMatchObject({ status: 409, json: { details: { file_path: "base.yaml" } } });
  });

  test("refuses what it can't use by field, line and name", async () => {
    const { call, cli } = await serve();
    const broken = await call("POST", "", {
      content: "template: {name: x}\ndag: {tasks: [{id: a, type: nop, operator: {}}]}",
      source: "x.yaml",
    });
    expect(broken).toMatchObject({
      status: 400,
      json: {
        error_code: "INVALID_DEFINITION",
        details: { errors: [{ file: "x.yaml", line: 2, code: "UNKNOWN_OPERATOR" }] },
      },
    });
    expect(await call("POST", "", { content: "id: a" })).toMatchObject({ status: 400 });
    await call("POST", "", { content: base });
    expect(await call("POST", "/base/instances", { instance_name: "a", parameters: { tem: 1 } })).toMatchObject({
      status: 400,
      json: { details: { errors: [{ code: "UNKNOWN_PARAMETER" }] } },
    });
    expect(await call("POST", "/base/instances", {})).toMatchObject({
      status: 400,
      json: { details: { field: "instance_name" } },
    });
    expect(await call("GET", "/bas")).toMatchObject({ status: 404, json: { error_code: "TEMPLATE_NOT_FOUND" } });
    expect(await call("GET", "/base/nonsense!")).toMatchObject({ status: 400 });
    expect(await call("GET", "/bas/instances")).toMatchObject({ status: 404 });
    expect((await cli("template", "update", "base", "--instances", "z")).errors).toContain(
      "z is no instance of the template base",
    );
    expect((await cli("template", "impact", "base")).output).toBe("nothing was made from the template base\n");
  });

  test("files follow what is published, and a change that breaks one is told apart", async () => {
    await write("one.yaml", "from_template: {name: base}\n");
    const { call, cli, store } = await serve();
    expect(await store.definitions.getActive("base_one")).toBeNull();
    await call("POST", "", { content: base });
    expect(await store.definitions.getActive("base_one")).toMatchObject({ version: 1 });
    await call("POST", "", { content: base.replace("1.0.0", "1.1.0").replace("begin", "start") });
    expect(await store.definitions.getActive("base_one")).toMatchObject({ version: 2 });
    const bad = await writeBeside("bad.yml", base.replace("1.0.0", "2.0.0").replace("noop", "nop"));
    const { output, exitCode } = await cli("template", "impact", "base", "--file", bad);
    expect(exitCode).toBe(1);
    expect(output).toMatch(
      /^✗ base_one 1\.1\.0 can't be made again; what is in force stays one\.yaml\n {4}.*UNKNOWN_OPERATOR/,
    );
  });
});
