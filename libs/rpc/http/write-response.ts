import type { Writable } from "node:stream";
import type { HttpResponse } from "./exchange.ts";

/** What the answers of Node's two HTTP servers have in common. */
export interface NodeResponse extends Writable {
  writeHead(status: number, headers: Readonly<Record<string, string>>): unknown;
  /** HTTP/2 sends its headers at once. */
  flushHeaders?(): void;
}

/**
 * Writes an answer, pulling a streamed body only as fast as the client takes it. A client that takes nothing for
 * `stallMs` is cut off. Resolves when all is written or the client has `gone`; rejects when the body throws.
 */
export async function writeResponse(
  target: NodeResponse,
  response: HttpResponse,
  options: { isHead: boolean; stallMs: number; gone: AbortSignal },
): Promise<void> {
  const { body } = response;
  if (body === null || typeof body === "string" || body instanceof Uint8Array) {
    const bytes = typeof body === "string" ? Buffer.from(body) : (body ?? new Uint8Array());
    const length = response.status === 204 ? {} : { "content-length": String(bytes.byteLength) };
    target.writeHead(response.status, { ...response.headers, ...length });
    target.end(options.isHead ? "" : bytes);
    return;
  }
  target.writeHead(response.status, response.headers);
  if (options.isHead) {
    await body[Symbol.asyncIterator]().return?.();
  } else {
    target.flushHeaders?.();
    for await (const chunk of body) {
      if (options.gone.aborted) return;
      if (chunk !== "" && !target.write(chunk)) await untilDrained(target, options.stallMs);
      if (options.gone.aborted) return;
    }
  }
  target.end();
}

/** Resolves when more can be written or the client has gone, at the latest after `stallMs`: then it has. */
function untilDrained(target: NodeResponse, stallMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      target.off("drain", done).off("close", done);
      resolve();
    };
    const timer = setTimeout(() => {
      target.destroy();
      done();
    }, stallMs);
    target.on("drain", done).on("close", done);
  });
}
