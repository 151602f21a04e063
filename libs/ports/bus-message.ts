/** A header of a message; several may have one name. */
export interface MessageHeader {
  readonly name: string;
  readonly value: Uint8Array;
}

/** A message of any content for one partition, byte for byte. */
export interface RawMessage {
  readonly topic: string;
  readonly partition: number;
  /** Null: none. */
  readonly key: Uint8Array | null;
  /** Null: none. */
  readonly value: Uint8Array | null;
  readonly headers: readonly MessageHeader[];
}
