interface Entry {
  readonly offset: number;
  readonly stamp: string;
  isDone: boolean;
}

export type TrackedMessage =
  | { readonly kind: "new"; readonly finish: () => void }
  /** It is here already, and comes again because its group was formed anew. */
  | { readonly kind: "known" }
  /** Another message has the offset of an earlier one: the topic was lost and made again, or offsets were set back. */
  | { readonly kind: "rewound" };

/**
 * The messages of one partition from the committed offset on, in order: in hand, or done and not committed yet. Only
 * what is done without a gap may be committed; a message behind one in hand waits for it.
 */
export class OffsetTracker {
  readonly #entries: Entry[] = [];

  get size(): number {
    return this.#entries.length;
  }

  add(offset: number, stamp: string): TrackedMessage {
    const last = this.#entries.at(-1);
    if (last !== undefined && offset <= last.offset) {
      const isKnown = this.#entries.some((entry) => entry.offset === offset && entry.stamp === stamp);
      return { kind: isKnown ? "known" : "rewound" };
    }
    const entry: Entry = { offset, stamp, isDone: false };
    this.#entries.push(entry);
    const finish = (): void => {
      entry.isDone = true;
    };
    return { kind: "new", finish };
  }

  /** The offset to commit, one behind the last that is done without a gap; null: nothing new is done. */
  committable(): number | null {
    const firstInHand = this.#entries.findIndex((entry) => !entry.isDone);
    const lastDone = this.#entries[(firstInHand === -1 ? this.#entries.length : firstInHand) - 1];
    return lastDone === undefined ? null : lastDone.offset + 1;
  }

  /** The broker has this offset. */
  committed(next: number): void {
    const firstAfter = this.#entries.findIndex((entry) => entry.offset >= next);
    this.#entries.splice(0, firstAfter === -1 ? this.#entries.length : firstAfter);
  }
}
