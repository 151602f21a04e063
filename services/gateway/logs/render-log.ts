import type { Message } from "@bufbuild/protobuf";
import {
  type LogLine,
  LogLineSchema,
  type LogRange,
  type StreamLogsResponse,
} from "#gen/millrace/v1/task_service_pb.js";
import type { HttpRequest, HttpResponse } from "#rpc/http/exchange.ts";
import { messageToJson } from "#rpc/rest/write-json.ts";
import { eventStreamResponse, type ServerSentEvent } from "#rpc/sse/event-stream.ts";
import { toProblemEvent } from "../events/problem-event.ts";

/**
 * A log as Accept asks: plain text (the default), a JSON array of lines, or server-sent events, one for each line. A part
 * of it, by `Range`, is always plain text.
 */
export async function renderLog(messages: AsyncIterable<Message>, request: HttpRequest): Promise<HttpResponse> {
  const incoming = messages[Symbol.asyncIterator]();
  const first = await incoming.next();
  const range = first.done === true ? undefined : (first.value as StreamLogsResponse).range;
  if (range !== undefined) return renderRange(range, remaining(await incoming.next(), incoming));
  const lines = linesOf(remaining(first, incoming));
  const accept = request.header("accept") ?? "";
  if (accept.includes("text/event-stream")) {
    const onError = (thrown: unknown) => toProblemEvent(thrown, request.id);
    return eventStreamResponse(toEvents(lines), { signal: request.signal, onError });
  }
  if (accept.includes("application/json")) {
    return { status: 200, headers: { "content-type": "application/json" }, body: toJsonArray(lines) };
  }
  return { status: 200, headers: textHeaders, body: toText(lines) };
}

const textHeaders = { "content-type": "text/plain; charset=utf-8", "accept-ranges": "bytes" };

function renderRange({ start, end, total }: LogRange, messages: AsyncIterable<Message>): HttpResponse {
  if (start === end) return { status: 416, headers: { ...textHeaders, "content-range": `bytes */${total}` }, body: "" };
  const contentRange = `bytes ${start}-${end - 1n}/${total}`;
  const headers = { ...textHeaders, "content-range": contentRange, "content-length": String(end - start) };
  return { status: 206, headers, body: bytesOf(messages) };
}

async function* bytesOf(messages: AsyncIterable<Message>): AsyncGenerator<Uint8Array> {
  for await (const message of messages) yield (message as StreamLogsResponse).text;
}

/** What is left of a stream whose beginning was looked at; it ends with whoever reads it. */
async function* remaining(next: IteratorResult<Message>, incoming: AsyncIterator<Message>): AsyncGenerator<Message> {
  try {
    for (let step = next; step.done !== true; step = await incoming.next()) yield step.value;
  } finally {
    await incoming.return?.();
  }
}

async function* linesOf(messages: AsyncIterable<Message>): AsyncGenerator<readonly LogLine[]> {
  for await (const message of messages) yield (message as StreamLogsResponse).lines;
}

async function* toText(batches: AsyncIterable<readonly LogLine[]>): AsyncGenerator<string> {
  for await (const lines of batches) yield lines.map((line) => `${line.text}\n`).join("");
}

async function* toJsonArray(batches: AsyncIterable<readonly LogLine[]>): AsyncGenerator<string> {
  let separator = "[";
  for await (const lines of batches) {
    if (lines.length === 0) continue;
    yield separator + lines.map((line) => JSON.stringify(messageToJson(LogLineSchema, line))).join(",\n");
    separator = ",\n";
  }
  yield separator === "[" ? "[]\n" : "]\n";
}

/** `end` tells the client that nothing more will come, so that it does not connect again. */
async function* toEvents(batches: AsyncIterable<readonly LogLine[]>): AsyncGenerator<readonly ServerSentEvent[]> {
  for await (const lines of batches) {
    yield lines.map((line) => ({
      id: String(line.number),
      data: JSON.stringify(messageToJson(LogLineSchema, line)),
    }));
  }
  yield [{ event: "end", data: "{}" }];
}
