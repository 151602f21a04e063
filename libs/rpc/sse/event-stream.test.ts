import { describe, expect, test } from "vitest";
import { eventStreamResponse, formatEvent, type ServerSentEvent } from "./event-stream.ts";

async function* once(...batches: (readonly ServerSentEvent[])[]) {
  yield* batches;
}

const onError = (thrown: unknown): ServerSentEvent => ({ event: "problem", data: (thrown as Error).message });

async function readAll(source: AsyncIterable<readonly ServerSentEvent[]>, signal = new AbortController().signal) {
  const response = eventStreamResponse(source, { signal, onError });
  let text = "";
  for await (const chunk of response.body as AsyncIterable<string>) text += chunk;
  return text;
}

describe("the text of an event", () => {
  test("has id, name and data", () => {
    expect(formatEvent({ id: "7", event: "end", data: "{}" })).toBe("id: 7\nevent: end\ndata: {}\n\n");
  });

  test("keeps line breaks of its data from ending it", () => {
    expect(formatEvent({ data: "a\nb\r\nid: 9" })).toBe("data: a\ndata: b\ndata: id: 9\n\n");
  });
});

test("a stream begins at once with its retry time, sends batches in order, and ends with its source", async () => {
  expect(await readAll(once([{ data: "1" }, { data: "2" }], [], [{ data: "3" }]))).toBe(
    "retry: 2000\n\ndata: 1\n\ndata: 2\n\ndata: 3\n\n",
  );
});

test("a failure becomes the last event", async () => {
  async function* failing() {
    yield [{ data: "1" }];
    throw new Error("broken");
  }
  expect(await readAll(failing())).toBe("retry: 2000\n\ndata: 1\n\nevent: problem\ndata: broken\n\n");
});

test("a silent stream sends heartbeats, and none is lost or repeated", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  async function* silent() {
    await promise;
    yield [{ id: "1", data: "late" }];
  }
  const client = new AbortController();
  const response = eventStreamResponse(silent(), { signal: client.signal, onError, heartbeatMs: 5 });
  const chunks = (response.body as AsyncIterable<string>)[Symbol.asyncIterator]();
  await chunks.next();
  expect((await chunks.next()).value).toBe(": heartbeat\n\n");
  expect((await chunks.next()).value).toBe(": heartbeat\n\n");
  resolve();
  const rest: string[] = [];
  for (let step = await chunks.next(); step.done !== true; step = await chunks.next()) rest.push(step.value);
  expect(rest.filter((chunk) => !chunk.startsWith(":"))).toEqual(["id: 1\ndata: late\n\n"]);
});

test("leaving a stream leaves its source", async () => {
  let left = false;
  async function* endless() {
    try {
      for (;;) yield [{ data: "x" }];
    } finally {
      left = true;
    }
  }
  const response = eventStreamResponse(endless(), { signal: new AbortController().signal, onError });
  const chunks = (response.body as AsyncGenerator<string>)[Symbol.asyncIterator]();
  await chunks.next();
  await chunks.next();
  await chunks.return(undefined);
  await expect.poll(() => left).toBe(true);
});
