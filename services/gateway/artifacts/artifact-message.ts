import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Artifact, ArtifactSchema } from "#gen/millrace/v1/artifact_service_pb.js";
import type { ArtifactView } from "#ports/artifact-catalog.ts";

export function toArtifactMessage(view: ArtifactView): Artifact {
  const { runId: dagRunId, taskId, mapIndex, generation, name, sha256, mediaType } = view;
  return create(ArtifactSchema, {
    ...{ dagRunId, taskId, generation, attemptNumber: view.tryNumber, name, sha256, mediaType },
    ...(mapIndex === null ? {} : { mapIndex }),
    size: BigInt(view.sizeBytes),
    timestamp: timestampFromMs(view.at),
  });
}
