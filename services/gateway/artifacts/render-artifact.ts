import type { Message } from "@bufbuild/protobuf";
import type { Artifact, DownloadArtifactResponse } from "#gen/millrace/v1/artifact_service_pb.js";
import type { HttpResponse } from "#rpc/http/exchange.ts";

/**
 * A file as a download, never shown in place: a browser does not run what a task has written. Its bytes go out as they are
 * read.
 */
export async function renderArtifact(messages: AsyncIterable<Message>): Promise<HttpResponse> {
  const incoming = messages[Symbol.asyncIterator]();
  const first = await incoming.next();
  const artifact = first.done === true ? undefined : (first.value as DownloadArtifactResponse).artifact;
  if (artifact === undefined) throw new Error("a download begins with what it is");
  return { status: 200, headers: headersOf(artifact), body: bytesOf(incoming) };
}

function headersOf({ name, size, sha256, mediaType }: Artifact): Readonly<Record<string, string>> {
  const base = name.split("/").at(-1) ?? name;
  const plain = base.replaceAll(/[^\x20-\x7e]|["\\%]/g, "_");
  const encoded = encodeURIComponent(base).replaceAll(/['()*]/g, (each) => `%${each.charCodeAt(0).toString(16)}`);
  return {
    "content-type": mediaType,
    "content-length": String(size),
    "content-disposition": `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`,
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "x-content-type-options": "nosniff",
    etag: `"${sha256}"`,
  };
}

async function* bytesOf(messages: AsyncIterator<Message>): AsyncGenerator<Uint8Array> {
  for (let step = await messages.next(); step.done !== true; step = await messages.next())
    yield (step.value as DownloadArtifactResponse).data;
}
