import { createHash } from "node:crypto";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { AppError, describeError } from "#errors/app-error.ts";
import type { Artifact, DownloadArtifactRequest } from "#gen/millrace/v1/artifact_service_pb.js";
import type { GatewayClient } from "../client/gateway-client.ts";

/**
 * Writes an artifact to a file, whole or not at all: it comes into a file beside it, which takes its place when size and
 * hash are those that the server lists. Throws INVALID_ARGUMENT for a file that is there, unless it may be replaced.
 */
export async function downloadArtifact(
  gateway: GatewayClient,
  options: {
    readonly request: Pick<DownloadArtifactRequest, "dagRunId" | "name" | "taskId" | "attempt"> & { mapIndex?: number };
    readonly path: string;
    readonly mayReplace: boolean;
    readonly signal: AbortSignal;
  },
): Promise<Artifact> {
  const { request, path, mayReplace, signal } = options;
  if (!mayReplace && (await isThere(path)))
    throw new AppError("INVALID_ARGUMENT", `${path} is there already; name another file with --to, or add --force`);
  const draft = `${path}.part`;
  const file = await open(draft, "w").catch((error: unknown) => {
    throw new AppError("INVALID_ARGUMENT", `${draft} can't be written: ${describeError(error)}`);
  });
  try {
    const artifact = await receive(file, gateway.artifacts.downloadArtifact(request, { signal }));
    await rename(draft, path);
    return artifact;
  } catch (thrown) {
    await rm(draft, { force: true });
    throw thrown;
  }
}

/** Writes what comes, and closes the file. */
async function receive(
  file: FileHandle,
  messages: ReturnType<GatewayClient["artifacts"]["downloadArtifact"]>,
): Promise<Artifact> {
  const hash = createHash("sha256");
  let artifact: Artifact | undefined;
  let size = 0;
  try {
    for await (const { artifact: listed, data } of messages) {
      artifact ??= listed;
      hash.update(data);
      size += data.length;
      await file.appendFile(data);
    }
  } finally {
    await file.close();
  }
  if (artifact === undefined) throw new AppError("INTERNAL", "the server answered without an artifact");
  if (size !== Number(artifact.size) || hash.digest("hex") !== artifact.sha256)
    throw new AppError("INVALID_RESPONSE", `${artifact.name} came in other than it is listed; fetch it again`);
  return artifact;
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
