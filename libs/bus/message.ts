import type { MessageHeader } from "#ports/bus-message.ts";

/** A message to send. */
export interface OutgoingMessage {
  /** Null: none. */
  readonly key: string | Uint8Array | null;
  /** Null: none. */
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string | readonly Uint8Array[]>>;
  /** Null: by the key's hash. */
  readonly partition: number | null;
}

/** One that this program wrote: all of it is there, and headers are text. */
export interface EncodedMessage extends OutgoingMessage {
  readonly key: string;
  readonly value: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** A message as it lies in a partition. */
export interface StoredMessage {
  readonly offset: number;
  /** Tells this message from another one that later has the same offset, in a topic that was lost and made again. */
  readonly stamp: string;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** As text, the last of each name. */
  readonly headers: ReadonlyMap<string, string>;
  /** All of them, byte for byte. */
  readonly allHeaders: readonly MessageHeader[];
}
