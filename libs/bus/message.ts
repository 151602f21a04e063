/** A message to send. */
export interface OutgoingMessage {
  readonly key: string;
  readonly value: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  /** Null: by the key's hash. */
  readonly partition: number | null;
}

/** A message as it lies in a partition. */
export interface StoredMessage {
  readonly offset: number;
  /** Tells this message from another one that later has the same offset, in a topic that was lost and made again. */
  readonly stamp: string;
  readonly value: Uint8Array | null;
  readonly headers: ReadonlyMap<string, string>;
}
