/** What one attempt may leave, and how it travels. */
export const artifactLimits = {
  /** Files of one attempt. */
  files: 100,
  /** Bytes of one file: 1 GiB. */
  fileBytes: 1024 * 1024 * 1024,
  /** Bytes of one segment of a name in UTF-8, as file systems have it. */
  segmentBytes: 255,
  /** Bytes of a whole name in UTF-8. */
  nameBytes: 1024,
  /** Folders within each other. */
  depth: 32,
  /** Bytes of a file in one message. */
  chunkBytes: 512 * 1024,
  /** Messages of a file that are under way before the first is taken. */
  chunksUnderWay: 4,
} as const;
