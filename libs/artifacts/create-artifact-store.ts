import type { ArtifactStore } from "#ports/artifact-store.ts";
import { createDirectoryStore } from "./directory-store.ts";
import { guardStore, type StoreGuard } from "./guarded-store.ts";
import { createS3Store, type S3Options } from "./s3-store.ts";

/** The store of the settings: a bucket where one is named, else a folder. Nothing is opened before its first use. */
export function createArtifactStore(options: {
  readonly directory: string;
  /** `bucket` null: the folder is used. */
  readonly s3: Omit<S3Options, "bucket"> & { readonly bucket: string | null };
  /** Of the bucket; a folder has none. */
  readonly guard: StoreGuard;
}): ArtifactStore {
  const { directory, s3, guard } = options;
  const { bucket } = s3;
  if (bucket === null) return createDirectoryStore(directory);
  return guardStore(createS3Store({ ...s3, bucket }), `bucket ${bucket}`, guard);
}
