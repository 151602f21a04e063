import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createClient } from "@connectrpc/connect";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
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

function yaml(id: string, options: { description?: string; schedule?: string } = {}): string {
  const { description = "", schedule } = options;
  const lines = [`description: "${description}"`, `id: ${id}`, "tasks:", "  - {id: t, type: noop, operator: {}}"];
  return [...(schedule === undefined ? [] : [`schedule: "${schedule}"`]), ...lines, ""].join("\n");
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(path.join(root, file)), { recursive: true });
  await writeFile(path.join(root, file), text);
}

/** A parser that scans when asked, or also when it sees a change. */
async function start(options: { watches?: boolean; directory?: string; store?: Store } = {}) {
  const service = createParser({
    store: options.store ?? store,
    directory: options.directory ?? root,
    filePattern: "**/*.{yaml,yml}",
    reloadOnChange: options.watches ?? false,
    scanIntervalMs: 3_600_000,
    operators: operatorSchemas,
    maxTaskTimeoutMs: 86_400_000,
    logger,
  });
  onTestFinished(() => service.stop());
  await service.start();
  const client = createClient(ParserService, createInProcessTransport(service.routes, { logger }));
  return { service, client, scan: () => client.scan({}) };
}

async function importErrors(): Promise<string[]> {
  const { items } = await store.queries.listImportErrors({ limit: 100, cursor: null, sort: null });
  return items.map((error) => `${error.filePath} ${error.problems.map((problem) => problem.code).join(",")}`).sort();
}

/** `id: file version` of each definition in force. */
async function inForce(): Promise<string[]> {
  const { items } = await store.queries.listDags(
    { limit: 100, cursor: null, sort: null },
    { isActive: true, text: null },
  );
  return items.map((dag) => `${dag.dagId}: ${dag.filePath} ${dag.version}`).sort();
}

describe("the folder", () => {
  test("is in force when the start resolves: good files registered, bad ones with their problems", async () => {
    await write("good.yaml", yaml("good", { description: "x" }));
    await write("sub/also.yml", yaml("also"));
    await write("bad.yaml", "id: bad\ntasks: [");
    await write(".hidden.yaml", yaml("hidden"));

    const { scan } = await start();

    expect(await inForce()).toEqual(["also: sub/also.yml 1", "good: good.yaml 1"]);
    expect(await importErrors()).toEqual([expect.stringContaining("bad.yaml ")]);
    expect(await scan()).toMatchObject({ files: 3, registered: 0, failed: 1 });
  });

  test("a changed file becomes a new version; a broken one leaves the old in force until it is mended", async () => {
    await write("a.yaml", yaml("a"));
    const { scan, service } = await start();

    await write("a.yaml", yaml("a", { description: "second" }));
    expect(await scan()).toMatchObject({ registered: 1 });
    expect(await inForce()).toEqual(["a: a.yaml 2"]);

    await write("a.yaml", "id: a\ntasks: {");
    expect(await scan()).toMatchObject({ registered: 0, failed: 1 });
    expect(await inForce()).toEqual(["a: a.yaml 2"]);
    expect(await importErrors()).toHaveLength(1);
    expect(service.health()["definitions"]?.detail).toContain("1 failed");

    await write("a.yaml", yaml("a", { description: "second" }));
    await scan();
    expect(await inForce()).toEqual(["a: a.yaml 2"]);
    expect(await importErrors()).toEqual([]);
    expect(service.health()["definitions"]?.detail).toBe("1 active, 0 failed");
  });

  test("content that is not text is an error of its own", async () => {
    await writeFile(path.join(root, "a.yaml"), Buffer.from([0x69, 0x64, 0xff, 0xfe]));

    await start();

    expect(await importErrors()).toEqual(["a.yaml NOT_UTF8"]);
  });

  test("a schedule gets its next time; one that stays the same keeps its place", async () => {
    await write("a.yaml", yaml("a", { schedule: "0 2 * * *" }));
    const { scan } = await start();

    const nextAt = (await store.queries.getDag("a"))?.nextAt ?? 0;

    expect(new Date(nextAt).toISOString()).toMatch(/T02:00:00\.000Z$/);
    expect(nextAt).toBeGreaterThan(store.now());
    await write("a.yaml", yaml("a", { schedule: "@hourly" }));
    await scan();
    expect((await store.queries.getDag("a"))?.nextAt).toBeLessThanOrEqual(store.now() + 3_600_000);
  });
});

describe("one id in two files", () => {
  test("the first stays in force, also after a restart; the other is an error that names both", async () => {
    await write("b.yaml", yaml("x"));
    const first = await start();
    await write("a.yaml", yaml("x"));
    await first.scan();
    await first.service.stop();

    const { scan } = await start();
    await scan();

    expect(await inForce()).toEqual(["x: b.yaml 1"]);
    const [error] = (await store.queries.listImportErrors({ limit: 10, cursor: null, sort: null })).items;
    expect(error).toMatchObject({ filePath: "a.yaml", problems: [{ code: "DAG_ID_TAKEN", line: 2 }] });
    expect(error?.problems[0]?.message).toMatch(/x in a\.yaml is taken by b\.yaml/);
  });

  test("of two new ones the first by name wins; it follows when that one goes or changes its id", async () => {
    await write("a.yaml", yaml("x"));
    await write("b.yaml", yaml("x"));
    await write("c.yaml", yaml("y"));
    const { scan } = await start();
    expect(await inForce()).toEqual(["x: a.yaml 1", "y: c.yaml 1"]);
    expect(await importErrors()).toEqual(["b.yaml DAG_ID_TAKEN"]);

    await write("a.yaml", yaml("z"));
    await scan();

    expect(await inForce()).toEqual(["x: b.yaml 2", "y: c.yaml 1", "z: a.yaml 1"]);
    expect(await importErrors()).toEqual([]);
    await write("d.yaml", yaml("y"));
    await scan();
    expect(await importErrors()).toEqual(["d.yaml DAG_ID_TAKEN"]);
    await rm(path.join(root, "c.yaml"));
    await scan();
    expect(await inForce()).toEqual(["x: b.yaml 2", "y: d.yaml 2", "z: a.yaml 1"]);
    expect(await importErrors()).toEqual([]);
  });
});

describe("files that go", () => {
  test("one that is deleted takes its DAG out of force, and comes back with its content", async () => {
    await write("a.yaml", yaml("a"));
    await write("b.yaml", yaml("b"));
    const { scan } = await start();

    await rm(path.join(root, "b.yaml"));
    await scan();
    expect(await inForce()).toEqual(["a: a.yaml 1"]);

    await write("b.yaml", yaml("b"));
    await scan();
    expect(await inForce()).toEqual(["a: a.yaml 1", "b: b.yaml 1"]);
  });

  test("one that is moved stays in force at its new place, without an error in between", async () => {
    await write("a.yaml", yaml("a"));
    await write("b.yaml", yaml("b"));
    const { scan } = await start();

    await mkdir(path.join(root, "sub"));
    await rename(path.join(root, "a.yaml"), path.join(root, "sub/a.yaml"));
    await rename(path.join(root, "b.yaml"), path.join(root, "sub/b.yaml"));
    await scan();

    expect((await inForce()).map((text) => text.replace(/ \d+$/, ""))).toEqual(["a: sub/a.yaml", "b: sub/b.yaml"]);
    const events = await store.events.readAfter({
      afterId: 0,
      limit: 100,
      filter: { eventType: "dag.validation_failed" },
    });
    expect(events).toEqual([]);
  });

  test("a broken file that is deleted takes its error along", async () => {
    await write("a.yaml", yaml("a"));
    await write("bad.yaml", "id: [");
    const { scan } = await start();

    await rm(path.join(root, "bad.yaml"));
    await scan();

    expect(await importErrors()).toEqual([]);
  });

  test("all at once: everything stays in force, and health says why until one is back", async () => {
    await write("a.yaml", yaml("a"));
    await write("b.yaml", yaml("b"));
    const { scan, service } = await start();

    await rm(path.join(root, "a.yaml"));
    await rm(path.join(root, "b.yaml"));
    await scan();
    await scan();

    expect(await inForce()).toEqual(["a: a.yaml 1", "b: b.yaml 1"]);
    expect(service.health()["folder"]).toMatchObject({
      status: "degraded",
      detail: expect.stringMatching(/^degraded: folder: all 2 /),
    });
    expect(await importErrors()).toEqual(["./ FOLDER_EMPTIED"]);

    await write("a.yaml", yaml("a"));
    await scan();
    expect(await inForce()).toEqual(["a: a.yaml 1"]);
    expect(service.health()["folder"]?.status).toBe("healthy");
    expect(await importErrors()).toEqual([]);
  });

  test("a root that is gone archives nothing", async () => {
    await write("a.yaml", yaml("a"));
    const { scan, service } = await start();

    await rm(root, { recursive: true });
    await scan();
    await scan();

    expect(await inForce()).toEqual(["a: a.yaml 1"]);
    expect(service.health()["folder"]?.status).toBe("degraded");
    expect(await importErrors()).toEqual(["./ FOLDER_UNREADABLE"]);
  });
});

test("a link to outside the folder is refused", async () => {
  const outside = await mkdtemp(path.join(tmpdir(), "outside-"));
  onTestFinished(() => rm(outside, { recursive: true }));
  await writeFile(path.join(outside, "a.yaml"), yaml("a"));
  await symlink(path.join(outside, "a.yaml"), path.join(root, "a.yaml"));

  await start();

  expect(await inForce()).toEqual([]);
  expect(await importErrors()).toEqual(["a.yaml LINK_OUTSIDE"]);
});

describe("a store in trouble", () => {
  test("that can't be reached stops no start; the folder is in force once it answers", async () => {
    await write("a.yaml", yaml("a"));
    let isDown = true;
    const definitions: Store["definitions"] = {
      ...store.definitions,
      listKnownFiles: async () =>
        isDown ? Promise.reject(new Error("connection refused")) : store.definitions.listKnownFiles(),
    };
    const { service } = await start({ store: { ...store, definitions } });
    expect(service.health()["definitions"]?.status).toBe("degraded");

    isDown = false;

    await vi.waitFor(async () => expect(await inForce()).toEqual(["a: a.yaml 1"]), { timeout: 5000 });
    await vi.waitFor(() => expect(service.health()["definitions"]?.status).toBe("healthy"));
  });

  test("one content that it can't take stops no other", async () => {
    await write("a.yaml", yaml("a"));
    await write("b.yaml", yaml("b"));
    const definitions: Store["definitions"] = {
      ...store.definitions,
      register: async (version) =>
        version.dagId === "a"
          ? Promise.reject(new Error("invalid byte sequence"))
          : store.definitions.register(version),
      registerAll: async (versions) =>
        versions.some(({ dagId }) => dagId === "a")
          ? Promise.reject(new Error("invalid byte sequence"))
          : store.definitions.registerAll(versions),
    };

    await start({ store: { ...store, definitions } });

    expect(await inForce()).toEqual(["b: b.yaml 1"]);
    expect(await importErrors()).toEqual(["a.yaml NOT_STORED"]);
  });
});

describe("watching", () => {
  test("a saved file is in force at once: new, changed, in a new folder, replaced, deleted", async () => {
    await write("keep.yaml", yaml("keep"));
    await start({ watches: true });
    const within = (expected: string[]) =>
      vi.waitFor(async () => expect(await inForce()).toEqual(expected), { timeout: 5000, interval: 10 });

    await write("a.yaml", yaml("a"));
    await within(["a: a.yaml 1", "keep: keep.yaml 1"]);
    await write("a.yaml", yaml("a", { description: "2" }));
    await within(["a: a.yaml 2", "keep: keep.yaml 1"]);
    await write("deep/er/b.yaml", yaml("b"));
    await within(["a: a.yaml 2", "b: deep/er/b.yaml 1", "keep: keep.yaml 1"]);
    await write("a.yaml.tmp", yaml("a", { description: "3" }));
    await rename(path.join(root, "a.yaml.tmp"), path.join(root, "a.yaml"));
    await within(["a: a.yaml 3", "b: deep/er/b.yaml 1", "keep: keep.yaml 1"]);
    await rm(path.join(root, "deep"), { recursive: true });
    await within(["a: a.yaml 3", "keep: keep.yaml 1"]);
  });

  test("a folder that comes into being later is seen", async () => {
    const directory = path.join(root, "later");
    const { service } = await start({ watches: true, directory });
    expect(service.health()["folder"]?.status).toBe("degraded");

    await mkdir(directory);
    await writeFile(path.join(directory, "a.yaml"), yaml("a"));

    await vi.waitFor(async () => expect(await inForce()).toEqual(["a: a.yaml 1"]), { timeout: 5000, interval: 10 });
  });
});

describe("calls", () => {
  test("a pushed definition is in force or answered with its problems", async () => {
    const { client } = await start();

    const good = await client.registerDefinition({ content: Buffer.from(yaml("pushed")), source: "ci" });
    expect(good).toMatchObject({ dagId: "pushed", version: 1, problems: [] });

    const bad = await client.registerDefinition({ content: Buffer.from("id: [") });
    expect(bad.dagId).toBe("");
    expect(bad.problems[0]).toMatchObject({ file: "definition", line: 1 });
  });

  test("a pushed definition does not take the id of a file", async () => {
    await write("a.yaml", yaml("a"));
    const { client } = await start();

    await expect(
      client.registerDefinition({ content: Buffer.from(yaml("a", { description: "2" })) }),
    ).rejects.toMatchObject({
      code: "DAG_ID_TAKEN",
      details: { dag_id: "a", file_path: "a.yaml" },
    });
  });

  test("pausing is for known DAGs", async () => {
    await write("a.yaml", yaml("a"));
    const { client } = await start();

    await client.setPaused({ dagId: "a", isPaused: true });
    expect(await store.queries.getDag("a")).toMatchObject({ isPaused: true });
    await expect(client.setPaused({ dagId: "b", isPaused: true })).rejects.toMatchObject({ code: "DAG_NOT_FOUND" });
  });

  test("a scan of a parser that does not run is refused", async () => {
    const { service, scan } = await start();
    await service.stop();

    await expect(scan()).rejects.toMatchObject({ code: "PEER_UNAVAILABLE" });
  });
});
