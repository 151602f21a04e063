import type { NewArtifact } from "#ports/artifact-catalog.ts";

export interface StoredArtifact extends NewArtifact {
  readonly artifactKey: number;
  readonly at: number;
}
