import type { HttpResponse } from "../http/exchange.ts";

/** A silent stream sends a comment this often, in milliseconds: it finds dead clients and keeps proxies patient. */
const defaultHeartbeatMs = 15_000;
/** What a client is asked to wait before it connects again, in milliseconds. */
const retryMs = 2_000;

/** One server-sent event. `data` is text without line breaks, usually JSON. */
export interface ServerSentEvent {
  /** What `Last-Event-ID` repeats; absent: the client's last one stays. */
  readonly id?: string;
  /** Absent: `message`. */
  readonly event?: string;
  readonly data: string;
}

/**
 * An answer that streams events as they come, with heartbeats while none come. It ends with its source; `onError`
 * turns a failure into a last event, since the status has gone out by then.
 */
export function eventStreamResponse(
  source: AsyncIterable<readonly ServerSentEvent[]>,
  options: { signal: AbortSignal; onError: (thrown: unknown) => ServerSentEvent; heartbeatMs?: number },
): HttpResponse {
  const headers = { "content-type": "text/event-stream", "x-accel-buffering": "no" };
  return { status: 200, headers, body: writeEvents(source, options) };
}

async function* writeEvents(
  source: AsyncIterable<readonly ServerSentEvent[]>,
  options: { signal: AbortSignal; onError: (thrown: unknown) => ServerSentEvent; heartbeatMs?: number },
): AsyncGenerator<string> {
  yield `retry: ${retryMs}\n\n`;
  const iterator = source[Symbol.asyncIterator]();
  let next = iterator.next();
  try {
    while (!options.signal.aborted) {
      const step = await nextOrHeartbeat(next, options.heartbeatMs ?? defaultHeartbeatMs);
      if (step === "heartbeat") {
        yield ": heartbeat\n\n";
        continue;
      }
      if (step.done === true) return;
      if (step.value.length > 0) yield step.value.map(formatEvent).join("");
      next = iterator.next();
    }
  } catch (thrown) {
    if (!options.signal.aborted) yield formatEvent(options.onError(thrown));
  } finally {
    next.catch(() => undefined);
    iterator.return?.().catch(() => undefined);
  }
}

/** The text of an event; each line of its data is a line of its own. */
export function formatEvent(event: ServerSentEvent): string {
  const id = event.id === undefined ? "" : `id: ${event.id}\n`;
  const name = event.event === undefined ? "" : `event: ${event.event}\n`;
  const data = event.data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
  return `${id}${name}${data.join("")}\n`;
}

async function nextOrHeartbeat<T>(
  next: Promise<IteratorResult<T>>,
  afterMs: number,
): Promise<IteratorResult<T> | "heartbeat"> {
  let timer: NodeJS.Timeout | undefined;
  const beat = new Promise<"heartbeat">((resolve) => {
    timer = setTimeout(() => resolve("heartbeat"), afterMs);
  });
  try {
    return await Promise.race([next, beat]);
  } finally {
    clearTimeout(timer);
  }
}
