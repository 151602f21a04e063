import { randomBytes } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, onTestFinished, test } from "vitest";
import type { Store } from "#ports/store.ts";
import { openPostgresHarness } from "#testing/postgres-harness.ts";
import { claim } from "#testing/store-driver.ts";
import { httpRequest, memoryStore, openGateway, registerDag, toPlan } from "../gateway-harness.testsuite.ts";

async function open(store: Store = memoryStore()) {
  const { gateway } = openGateway(store);
  await registerDag(store, "etl", { tasks: ["a"] });
  await gateway.handleHttp(httpRequest("POST", "/api/v1/dags/etl/trigger"));
  const runId = (await store.queries.latestRunId("etl")) ?? "";
  const runKey = (await store.runs.findRunKey(runId)) ?? 0;
  await claim(store, runKey, 0);
  const append = (texts: readonly string[], sequence = 1, tryNumber = 1) => {
    const entries = texts.map((text) => ({ at: 0, source: "stdout" as const, text }));
    return store.logs.append([{ runKey, ordinal: 0, generation: 1, tryNumber, sequence, entries, droppedBytes: 0 }]);
  };
  const get = (range: string, more: Record<string, string> = {}) => {
    const request = httpRequest("GET", `/api/v1/taskInstances/${runId}__a/logs`, { headers: { range, ...more } });
    return gateway.handleHttp(request);
  };
  return { append, get, runKey };
}

async function* piecesOf(body: Awaited<ReturnType<Awaited<ReturnType<typeof open>>["get"]>>["body"]) {
  if (body === null || typeof body === "string" || body instanceof Uint8Array) yield Buffer.from(body ?? "");
  else for await (const piece of body) yield Buffer.from(piece);
}

async function textOf(body: Parameters<typeof piecesOf>[0]): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of piecesOf(body)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

test("a range of a log is its bytes as text, with what there is in all", async () => {
  const { append, get } = await open();
  await append(["one", "zwölf"]);
  const response = await get("bytes=2-6");
  expect(response).toMatchObject({
    status: 206,
    headers: { "content-range": "bytes 2-6/11", "content-length": "5", "content-type": "text/plain; charset=utf-8" },
  });
  expect(await textOf(response.body)).toBe("e\nzw�");
  expect(await textOf((await get("bytes=-5", { accept: "application/json" })).body)).toBe("ölf\n");
});

test("a range behind the end is refused with the size, and what is no range is ignored", async () => {
  const { append, get } = await open();
  await append(["one"]);
  expect(await get("bytes=4-")).toMatchObject({ status: 416, headers: { "content-range": "bytes */4" } });
  const whole = await get("bytes=0-1,3-");
  expect(whole).toMatchObject({ status: 200, headers: { "accept-ranges": "bytes" } });
  expect(await textOf(whole.body)).toBe("one\n");
});

const chunkCount = 1600;
/** Of one chunk: 64 KiB that hardly shrink when they are stored. */
const lines = Array.from({ length: 64 }, () => randomBytes(768).toString("base64").slice(0, 1023));
const chunkText = lines.map((line) => `${line}\n`).join("");
/** 100 MiB. */
const totalBytes = chunkCount * chunkText.length;
/** What a reader of the whole log may hold: half of it, most of which is only not collected yet. */
const maxGrowth = totalBytes / 2;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Buffers are given back a turn after they were collected. */
async function memoryInUse(): Promise<number> {
  collectGarbage();
  await setImmediate();
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

test("100 MiB of log are read by ranges, and as a whole, in bounded memory", { timeout: 120_000 }, async () => {
  const { store, close } = await openPostgresHarness(toPlan);
  onTestFinished(close);
  const { get, runKey } = await open(store);
  const entries = lines.map((text) => ({ at: 0, source: "stdout" as const, text }));
  const address = { runKey, ordinal: 0, generation: 1, tryNumber: 1, entries, droppedBytes: 0 };
  for (let first = 1; first <= chunkCount; first += 64) {
    const count = Math.min(64, chunkCount - first + 1);
    await store.logs.append(Array.from({ length: count }, (_, place) => ({ ...address, sequence: first + place })));
  }
  const twice = chunkText + chunkText;
  for (const start of [0, 1023, totalBytes / 2 + 65_500, totalBytes - 100]) {
    const response = await get(`bytes=${start}-${start + 99}`);
    expect(response.headers["content-range"]).toBe(`bytes ${start}-${start + 99}/${totalBytes}`);
    const place = start % chunkText.length;
    expect(await textOf(response.body)).toBe(twice.slice(place, place + 100));
  }
  const before = await memoryInUse();
  const marks = new Set<number>();
  let size = 0;
  let highest = 0;
  for await (const piece of piecesOf((await get("bytes=0-")).body)) {
    size += piece.length;
    const mark = Math.floor((size * 20) / totalBytes);
    if (!marks.has(mark)) highest = Math.max(highest, await memoryInUse());
    marks.add(mark);
  }
  expect(size).toBe(totalBytes);
  expect(highest - before).toBeLessThan(maxGrowth);
});
