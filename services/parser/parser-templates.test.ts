import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createClient } from "@connectrpc/connect";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import type { Definition } from "#definition/model.ts";
import { ParserService } from "#gen/millrace/v1/parser_service_pb.js";
import { operatorSchemas } from "#operators/registry.ts";
import type { Store } from "#ports/store.ts";
import { createInProcessTransport } from "#rpc/transport.ts";
import { createMemoryStore } from "#store/memory/memory-store.ts";
import { createLogger } from "#telemetry/logger.ts";
import { buildPlan } from "#testing/plan-builder.ts";
import { createParser } from "./parser.ts";

const logger = createLogger({ level: "silent", format: "json", component: "test" });

let root: string;
let store: Store;

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), "dags-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  store = createMemoryStore({ toPlan: () => buildPlan([{ id: "a" }]) });
});

function template(version: string, owner: string, header = ""): string {
  return `template: {name: etl, version: ${version}${header}, parameters: {table: {type: string, required: true}}}
dag: {owner: "${owner} {{ .table }}", tasks: [{id: t, type: noop, operator: {}}]}
`;
}

function instance(table: string, range = "*"): string {
  return `from_template: {name: etl, version: "${range}", parameters: {table: ${table}}}\n`;
}

async function write(file: string, text: string): Promise<void> {
  await writeFile(path.join(root, file), text);
}

async function start(options: { watches?: boolean } = {}) {
  const service = createParser({
    store,
    directory: root,
    filePattern: "**/*.{yaml,yml}",
    reloadOnChange: options.watches ?? false,
    scanIntervalMs: 60_000,
    operators: operatorSchemas,
    maxTaskTimeoutMs: 86_400_000,
    logger,
  });
  await service.start();
  onTestFinished(() => service.stop());
  const client = createClient(ParserService, createInProcessTransport(service.routes, { logger }));
  return { client, scan: () => client.scan({}) };
}

const page = { limit: 100, cursor: null, sort: null };

/** `id: owner, version`, of what is in force. */
async function inForce(): Promise<readonly string[]> {
  const { items } = await store.queries.listDags(page, { isActive: true, text: null });
  return items
    .map(({ dagId, definition, version }) => `${dagId}: ${(definition as Definition).owner}, ${version}`)
    .toSorted();
}

async function importErrors(): Promise<readonly string[]> {
  const { items } = await store.queries.listImportErrors(page);
  return items
    .map(({ filePath, problems: [first] }) => `${filePath}: ${first?.file}:${first?.line} ${first?.code}`)
    .toSorted();
}

describe("templates in the folder", () => {
  test("make DAGs of the instances beside them, whatever the order of their names", async () => {
    await write("a.yaml", instance("orders"));
    await write("z.yaml", template("1.0.0", "team"));
    const { scan } = await start();
    expect(await importErrors()).toEqual([]);
    expect(await inForce()).toEqual(["etl_a: team orders, 1"]);
    expect(await store.templates.listInstances()).toMatchObject([
      { dagId: "etl_a", template: { name: "etl", version: "1.0.0" }, filePath: "a.yaml", uses: ["etl@1.0.0"] },
    ]);
    const { registered } = await scan();
    expect(registered).toBe(0);
  });

  test("that change make new versions of the instances whose range admits them, and of no others", async () => {
    await write("t1.yaml", template("1.0.0", "one"));
    await write("free.yaml", instance("f"));
    await write("held.yaml", instance("h", "~1.0"));
    const { scan } = await start();
    await write("t2.yaml", template("2.0.0", "two"));
    expect(await scan()).toMatchObject({ registered: 1, failed: 0 });
    expect(await inForce()).toEqual(["etl_free: two f, 2", "etl_held: one h, 1"]);
    await write("t1.yaml", template("1.0.1", "uno"));
    expect(await scan()).toMatchObject({ registered: 1 });
    expect(await inForce()).toEqual(["etl_free: two f, 2", "etl_held: uno h, 2"]);
  });

  test("that change in a comment alone change no version", async () => {
    await write("t.yaml", template("1.0.0", "one"));
    await write("i.yaml", instance("x"));
    const { scan } = await start();
    await write("t.yaml", `# the same\n${template("1.0.0", "one")}`);
    expect(await scan()).toMatchObject({ registered: 0 });
    expect(await inForce()).toEqual(["etl_i: one x, 1"]);
  });

  test("that break leave what is in force, with an error on each instance, until they are right again", async () => {
    await write("t.yaml", template("1.0.0", "one"));
    await write("i.yaml", instance("x"));
    const { scan } = await start();
    await write("t.yaml", "template: [");
    await scan();
    expect(await inForce()).toEqual(["etl_i: one x, 1"]);
    expect(await importErrors()).toEqual(["i.yaml: i.yaml:1 BROKEN_TEMPLATE", "t.yaml: t.yaml:1 YAML_SYNTAX"]);
    await write("t.yaml", template("1.0.0", "one").replace("noop", "nop"));
    await scan();
    expect(await importErrors()).toEqual(["i.yaml: t.yaml:2 UNKNOWN_OPERATOR"]);
    expect(await inForce()).toEqual(["etl_i: one x, 1"]);
    await write("t.yaml", template("1.0.0", "two"));
    await scan();
    expect(await importErrors()).toEqual([]);
    expect(await inForce()).toEqual(["etl_i: two x, 2"]);
  });

  test("that come late make the instances that waited for them", async () => {
    await write("i.yaml", instance("x"));
    const { scan } = await start();
    expect(await importErrors()).toEqual(["i.yaml: i.yaml:1 UNKNOWN_TEMPLATE"]);
    await write("t.yaml", template("1.0.0", "one"));
    await scan();
    expect(await importErrors()).toEqual([]);
    expect(await inForce()).toEqual(["etl_i: one x, 1"]);
  });

  test("that go leave what is in force, and an error on the instance", async () => {
    await write("t.yaml", template("1.0.0", "one"));
    await write("i.yaml", instance("x"));
    const { scan } = await start();
    await rm(path.join(root, "t.yaml"));
    await scan();
    expect(await store.templates.list()).toEqual([]);
    expect(await inForce()).toEqual(["etl_i: one x, 1"]);
    expect(await importErrors()).toEqual(["i.yaml: i.yaml:1 UNKNOWN_TEMPLATE"]);
  });

  test("of one version in two files: the first stays, the second is in force when it is gone", async () => {
    await write("a.yaml", template("1.0.0", "one"));
    const { scan } = await start();
    await write("b.yaml", template("1.0.0", "two"));
    await write("i.yaml", instance("x"));
    await scan();
    expect(await importErrors()).toEqual(["b.yaml: b.yaml:1 TEMPLATE_TAKEN"]);
    await rm(path.join(root, "a.yaml"));
    await scan();
    await scan();
    expect(await importErrors()).toEqual([]);
    expect(await inForce()).toEqual(["etl_i: two x, 2"]);
  });

  test("give a file that was a definition up, and a file that was an instance may become one", async () => {
    await write("t.yaml", template("1.0.0", "one"));
    await write("i.yaml", instance("x"));
    const { scan } = await start();
    await write("i.yaml", "id: plain\ntasks: [{id: t, type: noop, operator: {}}]\n");
    await scan();
    expect(await inForce()).toEqual(["plain: , 1"]);
    expect(await store.templates.listInstances()).toEqual([]);
    await write("i.yaml", template("3.0.0", "three"));
    await scan();
    expect(await inForce()).toEqual([]);
    expect((await store.templates.list()).map(({ version }) => version)).toEqual(["1.0.0", "3.0.0"]);
  });

  test("are looked at again after a start", async () => {
    await write("t.yaml", template("1.0.0", "one"));
    await write("i.yaml", instance("x"));
    await start();
    await write("t.yaml", template("1.0.0", "two"));
    await start();
    expect(await inForce()).toEqual(["etl_i: two x, 2"]);
  });

  test("that are saved reach their instances at once", async () => {
    await write("t.yaml", template("1.0.0", "one"));
    await write("i.yaml", instance("x"));
    await start({ watches: true });
    await write("t.yaml", template("1.0.0", "two"));
    await vi.waitFor(async () => expect(await inForce()).toEqual(["etl_i: two x, 2"]), { timeout: 5000, interval: 10 });
  });
});
