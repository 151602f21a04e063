import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { ArtifactStore } from "#ports/artifact-store.ts";
import type { HttpResponse } from "#rpc/http/exchange.ts";
import { httpRequest, memoryStore, openGateway, registerDag } from "../gateway-harness.testsuite.ts";

const page = "<script>alert(1)</script>";

/** At the network's edge: what an object store would have. */
function storeOf(objects: Readonly<Record<string, string>>): ArtifactStore {
  return {
    write: () => Promise.reject(new Error("gateways write nothing")),
    list: () => ReadableStream.from([]),
    remove: () => Promise.reject(new Error("gateways remove nothing")),
    read: async (location) =>
      objects[location] === undefined ? null : ReadableStream.from([Buffer.from(objects[location])]),
  };
}

async function open(tasks = ["a", "b"]) {
  const harness = openGateway(memoryStore(), storeOf({ "1/a": page, "1/b": "of b" }));
  const { store, gateway } = harness;
  await registerDag(store, "etl", { tasks });
  await gateway.handleHttp(httpRequest("POST", "/api/v1/dags/etl/trigger"));
  const runId = (await store.queries.latestRunId("etl")) ?? "";
  const runKey = (await store.runs.findRunKey(runId)) ?? 0;
  const add = (name: string, ordinal = 0, tryNumber = 1, location = "1/a") =>
    store.artifacts.add({
      ...{ runKey, ordinal, generation: 1, tryNumber, name, location },
      ...{ sizeBytes: page.length, sha256: createHash("sha256").update(page).digest("hex"), mediaType: "text/html" },
    });
  const get = (path: string) => gateway.handleHttp(httpRequest("GET", `/api/v1/dagRuns/${runId}/artifacts${path}`));
  return { runId, add, get };
}

async function bytesOf({ body }: HttpResponse): Promise<string> {
  if (body === null || typeof body === "string") return body ?? "";
  if (body instanceof Uint8Array) return Buffer.from(body).toString();
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(Buffer.from(part));
  return Buffer.concat(parts).toString();
}

test("artifacts are listed by pages, of the newest attempt unless all are asked for", async () => {
  const { runId, add, get } = await open();
  await add("old.html");
  await add("new.html", 0, 2);
  await add("b.html", 1);
  const first = JSON.parse(await bytesOf(await get("?limit=1"))) as Record<string, unknown>;
  expect(first["artifacts"]).toMatchObject([
    {
      dag_run_id: runId,
      task_id: "a",
      attempt_number: 2,
      name: "new.html",
      size: page.length,
      media_type: "text/html",
    },
  ]);
  expect(first).toMatchObject({ total_count: 2, page_size: 1, next_cursor: expect.stringMatching(/./) });
  const all = JSON.parse(await bytesOf(await get("?all_attempts=true&task_id=a"))) as { artifacts: { name: string }[] };
  expect(all.artifacts.map(({ name }) => name)).toEqual(["new.html", "old.html"]);
});

test("a download is an attachment that no browser runs, whatever its name and type", async () => {
  const { add, get } = await open();
  await add('reports/ü "1".html');
  const response = await get(`/${encodeURIComponent('reports/ü "1".html')}`);
  expect(response.status).toBe(200);
  expect(response.headers).toMatchObject({
    "content-type": "text/html",
    "content-length": String(page.length),
    "content-disposition": `attachment; filename="_ _1_.html"; filename*=UTF-8''%C3%BC%20%221%22.html`,
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "x-content-type-options": "nosniff",
  });
  expect(await bytesOf(response)).toBe(page);
});

test("a name that several tasks used needs the task", async () => {
  const { add, get, runId } = await open();
  await add("x");
  await add("x", 1, 1, "1/b");
  await expect(get("/x")).rejects.toMatchObject({
    code: "ARTIFACT_AMBIGUOUS",
    message: `run ${runId} has several artifacts x, of a, b; say task_id, and map_index for an item`,
  });
  expect(await bytesOf(await get("/x?task_id=b"))).toBe("of b");
});

test("an earlier attempt's file is there by its number", async () => {
  const { add, get } = await open();
  await add("x");
  await add("x", 0, 2, "1/b");
  expect(await bytesOf(await get("/x"))).toBe("of b");
  expect(await bytesOf(await get("/x?attempt=1"))).toBe(page);
});

test("what is not there is said, also when only its bytes are missing", async () => {
  const { add, get } = await open();
  await add("lost", 0, 1, "1/gone");
  await expect(get("/none")).rejects.toMatchObject({ code: "ARTIFACT_NOT_FOUND" });
  await expect(get("/lost")).rejects.toThrow("its bytes are not where this server looks");
  await expect(get("/x?attempt=-1")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});
