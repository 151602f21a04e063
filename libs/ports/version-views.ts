import type { Page, PageRequest } from "./queries.ts";

/** One version of a DAG. */
export interface VersionView {
  readonly dagId: string;
  readonly version: number;
  /** New runs begin with it; false for every version of an archived DAG. */
  readonly isActive: boolean;
  readonly source: "file" | "api";
  readonly filePath: string | null;
  readonly hash: string;
  readonly registeredAt: number;
}

export interface VersionContent extends VersionView {
  /** As it was written. */
  readonly text: string;
  /** Its normal form. */
  readonly definition: unknown;
}

/** Reads of versions for people. */
export interface VersionQueries {
  /** Newest first; empty for a DAG that is not known. */
  listVersions(page: PageRequest, dagId: string): Promise<Page<VersionView>>;
  readVersion(dagId: string, version: number): Promise<VersionContent | null>;
}
