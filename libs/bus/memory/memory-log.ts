import type { MessageHeader } from "#ports/bus-message.ts";
import type { OutgoingMessage, StoredMessage } from "../message.ts";

/** One partition: messages in order, from the first that is still kept. */
export class MemoryLog {
  #messages: StoredMessage[] = [];
  #first = 0;

  /** The offset that the next message gets. */
  get end(): number {
    return this.#first + this.#messages.length;
  }

  get size(): number {
    return this.#messages.length;
  }

  append({ key, value, headers }: OutgoingMessage): void {
    const allHeaders = headersOf(headers);
    const texts = allHeaders.map((header) => [header.name, Buffer.from(header.value).toString()] as const);
    this.#messages.push({
      offset: this.end,
      stamp: "",
      key: typeof key === "string" ? Buffer.from(key) : key,
      value,
      headers: new Map(texts),
      allHeaders,
    });
  }

  at(offset: number): StoredMessage | undefined {
    return this.#messages[offset - this.#first];
  }

  all(): readonly StoredMessage[] {
    return this.#messages;
  }

  /** Forgets what lies before the offset. */
  trim(offset: number): void {
    const count = Math.min(Math.max(offset - this.#first, 0), this.#messages.length);
    this.#messages = this.#messages.slice(count);
    this.#first += count;
  }
}

function headersOf(headers: OutgoingMessage["headers"]): readonly MessageHeader[] {
  return Object.entries(headers).flatMap(([name, held]) =>
    (typeof held === "string" ? [Buffer.from(held)] : held).map((value) => ({ name, value })),
  );
}
