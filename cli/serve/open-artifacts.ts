import { join, resolve } from "node:path";
import { createArtifactStore } from "#artifacts/create-artifact-store.ts";
import type { Settings } from "#config/settings-schema.ts";
import type { ArtifactStore } from "#ports/artifact-store.ts";

/** Where the settings keep the files that tasks leave. */
export function openArtifacts({ artifacts, dataDir }: Settings): ArtifactStore {
  const { objectStore } = artifacts;
  return createArtifactStore({
    directory: resolve(artifacts.directory ?? join(dataDir, "artifacts")),
    s3: {
      ...objectStore,
      endpoint: objectStore.endpoint ?? "",
      prefix: objectStore.prefix ?? "",
      accessKeyId: objectStore.accessKeyId ?? "",
      secretAccessKey: objectStore.secretAccessKey ?? "",
    },
  });
}
