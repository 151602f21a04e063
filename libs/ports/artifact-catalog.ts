import type { AttemptAddress } from "./log-store.ts";
import type { Page, PageRequest } from "./queries.ts";

/** A file that an attempt left, whose bytes are stored. */
export interface NewArtifact extends AttemptAddress {
  /** A relative path; unique in the attempt. */
  readonly name: string;
  readonly sizeBytes: number;
  /** In hexadecimal digits. */
  readonly sha256: string;
  readonly mediaType: string;
  /** Where the artifact store has it. */
  readonly location: string;
}

export interface ArtifactView {
  readonly artifactKey: number;
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number | null;
  readonly itemKey: string | null;
  readonly generation: number;
  readonly tryNumber: number;
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly mediaType: string;
  readonly location: string;
  readonly at: number;
}

export interface ArtifactFilter {
  readonly runId: string;
  readonly taskId: string | null;
  readonly mapIndex: number | null;
  readonly name: string | null;
  /** `all`: also of earlier generations. `newest`: the last that left files, or a number, of the present generation. */
  readonly attempts: "newest" | "all" | number;
}

/** Which artifacts there are. */
export interface ArtifactCatalog {
  /**
   * Notes that a file is about to be stored at the location: unless it is added within a day, what is there is removed
   * (`RetentionStore.listUnlistedFiles`).
   */
  expect(location: string): Promise<void>;
  /**
   * Adds it, in the place of one of the same attempt and name, whose location it answers and no longer lists; null: there was
   * none.
   */
  add(artifact: NewArtifact): Promise<string | null>;
  /** In the order of the run's instances; of one instance the newest attempt first, then by name. */
  list(page: PageRequest, filter: ArtifactFilter): Promise<Page<ArtifactView>>;
}
