import type { BreakerStatus } from "./breaker-status.ts";

/** A part of an object, in bytes; `end` is the first byte behind it. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Something that is stored. */
export interface StoredFile {
  readonly location: string;
  /** In milliseconds, by the store's clock. */
  readonly modifiedAt: number;
}

/** Where the bytes of artifacts are. Locations are relative paths of letters, digits, `. _ - /` that Millrace makes. */
export interface ArtifactStore {
  /** What guards this process against a store in trouble; absent: nothing stands between. */
  readonly breakers?: readonly BreakerStatus[];
  /**
   * Stores `size` bytes, whole or not at all; durable when it resolves. Rejects when `content` does, when it has another
   * size, and with ARTIFACT_STORE_UNAVAILABLE.
   */
  write(location: string, content: AsyncIterable<Uint8Array>, size: number): Promise<void>;
  /** The bytes, read no faster than they are taken; null: there is nothing at the location. */
  read(location: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array> | null>;
  /** Removes what is there, if anything is. Rejects where nothing can be removed, also if nothing is there. */
  remove(location: string): Promise<void>;
  /**
   * All that is there, or comes after a location that it told before, in an order that stays; read no faster than it is
   * taken. What has no location of Millrace's form is left out.
   */
  list(after?: string): AsyncIterable<StoredFile>;
}
