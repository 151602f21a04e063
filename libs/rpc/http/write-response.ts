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
  // A client that goes between two chunks makes a write fail; `gone` tells the same.
  target.on("error", () => undefined);
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
      if (chunk === "" || target.write(chunk)) continue;
      if (!(await isDrained(target, options.stallMs))) return;
    }
  }
  target.end();
}

/** True when more can be written; false when the client has gone, or takes nothing for `stallMs` and is cut off. */
function isDrained(target: NodeResponse, stallMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (drained: boolean) => {
      clearTimeout(timer);
      target.off("drain", onDrain).off("close", onClose);
      resolve(drained);
    };
    const onDrain = () => settle(true);
    const onClose = () => settle(false);
    const timer = setTimeout(() => {
      target.destroy();
      settle(false);
    }, stallMs);
    target.on("drain", onDrain).on("close", onClose);
  });
}
