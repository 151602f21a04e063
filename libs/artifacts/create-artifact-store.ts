import type { ArtifactStore } from "#ports/artifact-store.ts";
import { createDirectoryStore } from "./directory-store.ts";
import { createS3Store, type S3Options } from "./s3-store.ts";

/** The store of the settings: a bucket where one is named, else a folder. Nothing is opened before its first use. */
export function createArtifactStore(options: {
  readonly directory: string;
  /** `bucket` null: the folder is used. */
  readonly s3: Omit<S3Options, "bucket"> & { readonly bucket: string | null };
}): ArtifactStore {
  const { directory, s3 } = options;
  return s3.bucket === null ? createDirectoryStore(directory) : createS3Store({ ...s3, bucket: s3.bucket });
}
