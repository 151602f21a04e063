/** Names an attempt across runs, for logs. */
export interface AttemptAddress {
  readonly runKey: number;
  readonly ordinal: number;
  readonly generation: number;
  readonly tryNumber: number;
}

export interface LogEntryRow {
  readonly at: number;
  readonly source: "stdout" | "stderr" | "system";
  readonly text: string;
}

export interface NewLogChunk extends AttemptAddress {
  /** From 1 without gaps. */
  readonly sequence: number;
  readonly entries: readonly LogEntryRow[];
  readonly droppedBytes: number;
}

export interface LogLineRow extends LogEntryRow {
  /** Number of the line in its attempt, from 1. */
  readonly number: number;
}

export interface LogStore {
  /** Durable when it resolves; a chunk that is there already is left alone. */
  append(chunks: readonly NewLogChunk[]): Promise<void>;
  read(options: { attempt: AttemptAddress; afterLine: number; limit: number }): Promise<readonly LogLineRow[]>;
  /** Bytes of the log as text, each line with its newline; null for a log that was begun before they were counted. */
  textSize(attempt: AttemptAddress): Promise<number | null>;
  /** Bytes of that text from `start` to before `end`, as far as there are any; a few chunks are in memory at a time. */
  readText(options: { attempt: AttemptAddress; start: number; end: number }): AsyncIterable<Uint8Array>;
}
