import type { Readable } from "node:stream";
import { AppError } from "#errors/app-error.ts";

/**
 * Reads a request's body of at most `maxBytes`. Throws `BODY_TOO_LARGE` as soon as the limit is passed or announced
 * to be, and `TIMEOUT` when the body is not complete in `timeoutMs`; the rest of it is left unread.
 */
export function readBody(
  source: Readable,
  limits: { contentLength: string | null; maxBytes: number; timeoutMs: number },
): Promise<Uint8Array> {
  const { maxBytes, timeoutMs } = limits;
  if (Number(limits.contentLength ?? 0) > maxBytes) return Promise.reject(tooLarge(maxBytes));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBytes) settle(() => reject(tooLarge(maxBytes)));
      else chunks.push(chunk);
    };
    const onEnd = () => settle(() => resolve(Buffer.concat(chunks, length)));
    const onError = (cause: Error) => settle(() => reject(interrupted(cause)));
    const onClose = () => settle(() => reject(interrupted(undefined)));
    const late = () => new AppError("TIMEOUT", `the request's body did not arrive in ${timeoutMs} ms`);
    const timer = setTimeout(() => settle(() => reject(late())), timeoutMs);
    const settle = (finish: () => void) => {
      clearTimeout(timer);
      source.pause();
      source.off("data", onData).off("end", onEnd).off("error", onError).off("close", onClose);
      finish();
    };
    source.on("data", onData).on("end", onEnd).on("error", onError).on("close", onClose);
  });
}

function tooLarge(maxBytes: number): AppError {
  const message = `the body is larger than ${maxBytes} bytes; send less`;
  return new AppError("BODY_TOO_LARGE", message, { details: { limit_bytes: maxBytes } });
}

function interrupted(cause: unknown): AppError {
  return new AppError("INVALID_ARGUMENT", "the request's body ended before it was complete", { cause });
}
