import type { IncomingMessage } from "node:http";
import {
  type BrotliDecompress,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  type Gunzip,
  type Inflate,
} from "node:zlib";
import { AppError, describeError } from "#errors/app-error.ts";

/** The body, unpacked. Throws RESPONSE_TOO_LARGE as soon as it is beyond the limit, INVALID_RESPONSE where it can't be unpacked. */
export async function readResponseBody(message: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const decoder = decoderOf(message.headers["content-encoding"]);
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of (decoder === null ? message : unpack(message, decoder)) as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > maxBytes) {
        throw new AppError("RESPONSE_TOO_LARGE", `the response has more than ${maxBytes} bytes, which is the limit`, {
          details: { max_bytes: maxBytes },
        });
      }
      pieces.push(piece);
    }
  } catch (cause) {
    // A response without a body may still name a packing (HEAD, 304).
    if (!isPackingError(cause)) throw cause;
    if (decoder?.bytesWritten === 0) return Buffer.alloc(0);
    throw new AppError("INVALID_RESPONSE", `the body can't be unpacked: ${describeError(cause)}`, { cause });
  }
  return Buffer.concat(pieces);
}

type Decoder = Gunzip | Inflate | BrotliDecompress;

function unpack(message: IncomingMessage, decoder: Decoder): Decoder {
  // `pipe` passes no errors on: without this a broken connection would leave the reader waiting.
  message.on("error", (error) => decoder.destroy(error));
  return message.pipe(decoder);
}

function decoderOf(encoding = "identity"): Decoder | null {
  switch (encoding.trim().toLowerCase()) {
    case "":
    case "identity":
      return null;
    case "gzip":
    case "x-gzip":
      return createGunzip();
    case "deflate":
      return createInflate();
    case "br":
      return createBrotliDecompress();
    default:
      throw new AppError("INVALID_RESPONSE", `the body is packed as ${encoding}, which is not known`);
  }
}

function isPackingError(error: unknown): boolean {
  return error instanceof Error && "code" in error && /^(Z_|ERR__ERROR)/.test(String(error.code));
}
