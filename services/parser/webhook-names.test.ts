import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createClient } from "@connectrpc/connect";
import { expect, onTestFinished, test } from "vitest";
import { ParserService } from "#gen/millrace/v1/parser_service_pb.js";
import { operatorSchemas } from "#operators/registry.ts";
import { createInProcessTransport } from "#rpc/transport.ts";
import { createMemoryStore } from "#store/memory/memory-store.ts";
import { createLogger } from "#telemetry/logger.ts";
import { buildPlan } from "#testing/plan-builder.ts";
import { createParser } from "./parser.ts";

const logger = createLogger({ level: "silent", format: "json", component: "test" });

function yaml(id: string, hooks: readonly string[]): string {
  const webhooks = hooks.map((name) => `{name: ${name}, secret: key}`).join(", ");
  return `id: ${id}\nwebhooks: [${webhooks}]\ntasks: {t: {type: noop, operator: {}}}\n`;
}

/** A parser over a folder with these files; `problems` is what the import errors say. */
async function open(files: Readonly<Record<string, string>>) {
  const root = await mkdtemp(path.join(tmpdir(), "hooks-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const write = (file: string, text: string): Promise<void> => writeFile(path.join(root, file), text);
  for (const [file, text] of Object.entries(files)) await write(file, text);
  const store = createMemoryStore({ toPlan: () => buildPlan([{ id: "a" }]) });
  const service = createParser({
    store,
    directory: root,
    filePattern: "**/*.yaml",
    reloadOnChange: false,
    scanIntervalMs: 3_600_000,
    operators: operatorSchemas,
    maxTaskTimeoutMs: 86_400_000,
    logger,
  });
  onTestFinished(() => service.stop());
  await service.start();
  const client = createClient(ParserService, createInProcessTransport(service.routes, { logger }));
  const problems = async (): Promise<readonly string[]> => {
    const { items } = await store.queries.listImportErrors({ limit: 10, cursor: null, sort: null });
    return items.flatMap((error) => error.problems.map(({ code, message }) => `${code} ${message}`));
  };
  const remove = (file: string): Promise<void> => rm(path.join(root, file));
  return { client, store, write, remove, problems, scan: () => client.scan({}) };
}

test("a name that another file has is an import error that names both", async () => {
  const { store, problems } = await open({ "a.yaml": yaml("one", ["pr", "x"]), "b.yaml": yaml("two", ["pr"]) });
  const owner = await store.definitions.findHook("pr");
  const [winner, loser] = owner === "one" ? ["one in a.yaml", "two in b.yaml"] : ["two in b.yaml", "one in a.yaml"];
  expect(await problems()).toEqual([
    `HOOK_NAME_TAKEN the webhook pr of DAG ${loser} is taken by DAG ${winner}, which stays in force`,
  ]);
});

test("a name that becomes free, by a change or a deletion, is taken without another change", async () => {
  const { store, problems, write, remove, scan } = await open({ "a.yaml": yaml("one", ["pr", "x"]) });
  await write("b.yaml", yaml("two", ["pr"]));
  await write("c.yaml", yaml("three", ["x"]));
  await scan();
  expect(await problems()).toHaveLength(2);
  await write("a.yaml", yaml("one", ["x"]));
  await scan();
  expect(await store.definitions.findHook("pr")).toBe("two");
  expect(await problems()).toHaveLength(1);
  await remove("a.yaml");
  await scan();
  // The scan after the one that archives takes it.
  await expect.poll(problems).toEqual([]);
  expect(await store.definitions.findHook("x")).toBe("three");
});

test("a pushed definition whose name is taken is refused", async () => {
  const { client } = await open({ "a.yaml": yaml("one", ["pr"]) });
  const content = Buffer.from(yaml("two", ["pr"]));
  await expect(client.registerDefinition({ content, source: "push.yaml" })).rejects.toMatchObject({
    code: "HOOK_NAME_TAKEN",
    message: expect.stringContaining("of DAG two in push.yaml is taken by DAG one in a.yaml"),
  });
});
