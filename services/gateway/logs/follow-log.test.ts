import { describe, expect, onTestFinished, test } from "vitest";
import type { Store } from "#ports/store.ts";
import { change, claim, failure, success } from "#testing/store-driver.ts";
import { httpRequest, openGateway, registerDag, textOf } from "../gateway-harness.testsuite.ts";

/** A run whose first task is claimed. */
async function open(maxRetries = 0) {
  const harness = openGateway();
  const { store, gateway } = harness;
  await registerDag(store, "etl", { tasks: ["a", "b<a"], retry: { maxRetries, delayMs: 0 } });
  await gateway.handleHttp(httpRequest("POST", "/api/v1/dags/etl/trigger"));
  const runId = (await store.queries.latestRunId("etl")) ?? "";
  const runKey = (await store.runs.findRunKey(runId)) ?? 0;
  const fence = await claim(store, runKey, 0);
  const logs = (task: string, query = "", accept = "text/plain", signal?: AbortSignal) => {
    const url = `/api/v1/taskInstances/${encodeURIComponent(`${runId}__${task}`)}/logs${query}`;
    return gateway.handleHttp(
      httpRequest("GET", url, { headers: { accept }, ...(signal === undefined ? {} : { signal }) }),
    );
  };
  return { ...harness, runKey, fence, logs };
}

async function write(
  store: Store,
  runKey: number,
  texts: readonly string[],
  options: { sequence?: number; tryNumber?: number } = {},
) {
  const { sequence = 1, tryNumber = 1 } = options;
  const entries = texts.map((text) => ({ at: 1_000, source: "stdout" as const, text }));
  await store.logs.append([{ runKey, ordinal: 0, generation: 1, tryNumber, sequence, entries, droppedBytes: 0 }]);
}

async function end(store: Store, runKey: number, fence: number, outcome = success) {
  await change(store, runKey, [{ kind: "outcome", ordinal: 0, fence, outcome }]);
}

describe("a log by REST", () => {
  test("is plain text unless asked otherwise", async () => {
    const { store, runKey, logs } = await open();
    await write(store, runKey, ["one", "<b>two</b>"]);
    const response = await logs("a", "", "*/*");
    expect(response.headers["content-type"]).toBe("text/plain; charset=utf-8");
    expect(await textOf(response)).toBe("one\n<b>two</b>\n");
  });

  test("is a JSON array of lines, with levels where they can be read", async () => {
    const { store, runKey, logs } = await open();
    await write(store, runKey, ["2026-01-31 ERROR broken", "plain"]);
    const lines: unknown = JSON.parse(await textOf(await logs("a", "", "application/json")));
    expect(lines).toMatchObject([
      { number: 1, level: "error", text: "2026-01-31 ERROR broken", source: "stdout", attempt: 1 },
      { number: 2, level: "", timestamp: "1970-01-01T00:00:01.000Z" },
    ]);
    expect(JSON.parse(await textOf(await logs("b", "", "application/json")))).toEqual([]);
  });

  test("is server-sent events with the line's number as id, resumed after it, and an end", async () => {
    const { store, gateway, runKey, logs } = await open();
    await write(store, runKey, ["one", "two"]);
    const text = await textOf(await logs("a", "", "text/event-stream"));
    expect(text).toMatch(
      /^retry: 2000\n\nid: 1\ndata: \{.*"text":"one".*\}\n\nid: 2\n.*\n\nevent: end\ndata: \{\}\n\n$/s,
    );
    const headers = { accept: "text/event-stream", "last-event-id": "1" };
    const id = `${await store.queries.latestRunId("etl")}__a`;
    const resumed = await gateway.handleHttp(httpRequest("GET", `/api/v1/taskInstances/${id}/logs`, { headers }));
    expect(await textOf(resumed)).not.toContain('"one"');
  });

  test("is of the attempt that is asked for, else of the newest", async () => {
    const { store, runKey, fence, logs } = await open(1);
    await write(store, runKey, ["first try"]);
    await end(store, runKey, fence, failure());
    await write(store, runKey, ["second try"], { tryNumber: 2 });
    expect(await textOf(await logs("a"))).toBe("first try\n");
    await claim(store, runKey, 0);
    expect(await textOf(await logs("a"))).toBe("second try\n");
    expect(await textOf(await logs("a", "?attempt=1"))).toBe("first try\n");
    await expect(logs("a", "?attempt=9")).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      details: { field: "attempt" },
    });
  });
});

describe("following a log", () => {
  test("has lines as they come, and ends with the attempt and all its lines", async () => {
    const { store, runKey, fence, logs } = await open();
    const chunks = (await logs("a", "?follow=true")).body as AsyncIterable<string>;
    const lines = chunks[Symbol.asyncIterator]();
    await lines.next();
    await write(store, runKey, ["one"]);
    expect((await lines.next()).value).toBe("one\n");
    await end(store, runKey, fence);
    await write(store, runKey, ["last words"], { sequence: 2 });
    expect((await lines.next()).value).toBe("last words\n");
    expect((await lines.next()).done).toBe(true);
  });

  test("waits for an attempt that has not begun, and ends for one that never will", async () => {
    const { store, runKey, fence, logs } = await open();
    const waiting = textOf(await logs("b", "?follow=true"));
    await end(store, runKey, fence, failure());
    expect(await waiting).toBe("");
  });

  test("ends with the client", async () => {
    const { logs, gateway } = await open();
    const client = new AbortController();
    const lines = ((await logs("a", "?follow=true", "text/plain", client.signal)).body as AsyncIterable<string>)[
      Symbol.asyncIterator
    ]();
    await lines.next();
    const next = lines.next();
    client.abort();
    await expect(next).rejects.toMatchObject({ code: "PEER_UNAVAILABLE" });
    await gateway.stop();
  });

  test("has more lines than one message or page holds, in order", async () => {
    const { store, runKey, fence, logs } = await open();
    const texts = Array.from({ length: 2_500 }, (_, i) => `${i} ${"x".repeat(300)}`);
    await write(store, runKey, texts);
    await end(store, runKey, fence);
    expect(await textOf(await logs("a", "?follow=true"))).toBe(`${texts.join("\n")}\n`);
    expect(await textOf(await logs("a", "?after=2499"))).toBe(`${texts[2_499]}\n`);
  });
});

describe("events by REST", () => {
  test("are a stream that resumes after Last-Event-ID, and a paged list for a run", async () => {
    const { gateway, store } = await open();
    const stop = new AbortController();
    onTestFinished(() => stop.abort());
    const headers = { "last-event-id": "0" };
    const stream = await gateway.handleHttp(httpRequest("GET", "/api/v1/events", { headers, signal: stop.signal }));
    expect(stream.headers["content-type"]).toBe("text/event-stream");
    let text = "";
    for await (const chunk of stream.body as AsyncIterable<string>) {
      text += chunk;
      if (text.includes("task_instance.running")) break;
    }
    expect(text).toMatch(/id: 1\ndata: \{"id":1,"event_type":"/);

    const runId = await store.queries.latestRunId("etl");
    const first = await gateway.handleHttp(httpRequest("GET", `/api/v1/dagRuns/${runId}/events?limit=1`));
    const page = JSON.parse(await textOf(first)) as { events: { resource_type: string }[]; next_cursor: string };
    expect(page.events).toHaveLength(1);
    const rest = await gateway.handleHttp(
      httpRequest("GET", `/api/v1/dagRuns/${runId}/events?cursor=${page.next_cursor}`),
    );
    expect(JSON.parse(await textOf(rest))).toMatchObject({ next_cursor: "" });
  });

  test("end when the gateway stops", async () => {
    const { gateway } = await open();
    const stream = textOf(await gateway.handleHttp(httpRequest("GET", "/api/v1/events")));
    await gateway.stop();
    expect(await stream).toBe("retry: 2000\n\n");
  });
});
