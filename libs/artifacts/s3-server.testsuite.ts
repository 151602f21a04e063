import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** What a test sees of a small object store. */
export interface S3Server {
  readonly url: string;
  readonly objects: Map<string, Buffer>;
  readonly requests: { readonly method: string; readonly headers: IncomingMessage["headers"] }[];
  /** Answered in the place of anything else; null: as usual. */
  failure: { readonly status: number; readonly body: string } | null;
}

/** As much of S3 as artifacts use, with the strictness that matters: signed requests, and a length before any body. */
export async function startS3Server(): Promise<S3Server> {
  const objects = new Map<string, Buffer>();
  const state: S3Server = { url: "", objects, requests: [], failure: null };
  const server = createServer(
    (request, response) => void answer(state, request, response).catch(() => response.destroy()),
  );
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  });
  return Object.assign(state, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

async function answer(state: S3Server, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = "", url = "", headers } = request;
  state.requests.push({ method, headers });
  const end = (status: number, body: string | Buffer = "", more: Record<string, string> = {}) =>
    response.writeHead(status, { ...more, "content-length": Buffer.byteLength(body) }).end(body);
  if (headers.authorization?.startsWith("AWS4-HMAC-SHA256 Credential=key/") !== true)
    return void end(403, "AccessDenied");
  if (state.failure !== null) return void end(state.failure.status, state.failure.body);
  if (method === "GET" && url.includes("list-type=2")) return void end(200, list(state, url));
  const found = state.objects.get(url);
  if (method === "PUT") {
    if (headers["content-length"] === undefined) return void end(411, "MissingContentLength");
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    state.objects.set(url, Buffer.concat(parts));
    return void end(200);
  }
  if (method === "DELETE") {
    state.objects.delete(url);
    return void end(204);
  }
  if (found === undefined) return void end(404, "NoSuchKey");
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
  if (first === undefined) return void end(200, found);
  end(206, found.subarray(Number(first), Number(last) + 1));
}

const objectsPerPage = 10;

/** A page of ListObjectsV2, behind the key that its token names. */
function list({ objects }: S3Server, url: string): string {
  const { pathname, searchParams } = new URL(url, "http://s3");
  const after = searchParams.get("continuation-token") ?? searchParams.get("start-after") ?? "";
  const keys = [...objects.keys()]
    .map((path) => decodeURIComponent(path.slice(pathname.length + 1)))
    .filter((key) => key.startsWith(searchParams.get("prefix") ?? "") && key > after)
    .toSorted();
  const shown = keys.slice(0, objectsPerPage);
  const isCut = shown.length < keys.length;
  const next = isCut ? `<NextContinuationToken>${shown.at(-1)}</NextContinuationToken>` : "";
  const contents = shown.map((key) => {
    const modified = `<LastModified>${new Date().toISOString()}</LastModified>`;
    return `<Contents><Key>${encodeURIComponent(key)}</Key>${modified}<Size>1</Size></Contents>`;
  });
  return `<?xml version="1.0"?><ListBucketResult><IsTruncated>${isCut}</IsTruncated>${next}${contents.join("")}</ListBucketResult>`;
}
