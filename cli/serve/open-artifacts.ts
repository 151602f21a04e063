import { join, resolve } from "node:path";
import { createArtifactStore } from "#artifacts/create-artifact-store.ts";
import { systemClock } from "#clock/system-clock.ts";
import { toBreakerPolicy } from "#config/breaker-settings.ts";
import type { Settings } from "#config/settings-schema.ts";
import type { ArtifactStore } from "#ports/artifact-store.ts";
import type { Logger } from "#telemetry/logger.ts";

/** Where the settings keep the files that tasks leave. */
export function openArtifacts({ artifacts, dataDir, breakers }: Settings, logger: Logger): ArtifactStore {
  const { objectStore } = artifacts;
  return createArtifactStore({
    guard: { policy: toBreakerPolicy(breakers.host), clock: systemClock, logger },
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
