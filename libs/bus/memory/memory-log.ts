import type { OutgoingMessage, StoredMessage } from "../message.ts";

/** Of any content, as other programs may send it. */
export type AppendedMessage = Omit<OutgoingMessage, "value"> & { readonly value: Uint8Array | null };

export interface KeptMessage extends StoredMessage {
  readonly key: string;
}

/** One partition: messages in order, from the first that is still kept. */
export class MemoryLog {
  #messages: KeptMessage[] = [];
  #first = 0;

  /** The offset that the next message gets. */
  get end(): number {
    return this.#first + this.#messages.length;
  }

  get size(): number {
    return this.#messages.length;
  }

  append({ key, value, headers }: AppendedMessage): void {
    this.#messages.push({ offset: this.end, stamp: "", key, value, headers: new Map(Object.entries(headers)) });
  }

  at(offset: number): StoredMessage | undefined {
    return this.#messages[offset - this.#first];
  }

  all(): readonly KeptMessage[] {
    return this.#messages;
  }

  /** Forgets what lies before the offset. */
  trim(offset: number): void {
    const count = Math.min(Math.max(offset - this.#first, 0), this.#messages.length);
    this.#messages = this.#messages.slice(count);
    this.#first += count;
  }
}
