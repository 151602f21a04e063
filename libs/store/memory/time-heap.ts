/** Something with a time, in a heap; whether it still holds is found out when it comes up. */
export interface TimedEntry {
  readonly at: number;
}

/** Entries by time, earliest first. Nothing is removed before its time comes up: the owner says what still holds. */
export class TimeHeap<T extends TimedEntry> {
  readonly #entries: T[] = [];

  push(entry: T): void {
    const entries = this.#entries;
    let place = entries.length;
    entries.push(entry);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = entries[parent];
      if (above === undefined || above.at <= entry.at) break;
      entries[place] = above;
      place = parent;
    }
    entries[place] = entry;
  }

  peek(): T | undefined {
    return this.#entries[0];
  }

  pop(): T | undefined {
    const entries = this.#entries;
    const first = entries[0];
    const last = entries.pop();
    if (first === undefined || last === undefined || entries.length === 0) return first;
    let place = 0;
    for (;;) {
      const child = this.#earlierChild(place);
      const below = entries[child];
      if (below === undefined || below.at >= last.at) break;
      entries[place] = below;
      place = child;
    }
    entries[place] = last;
    return first;
  }

  #earlierChild(place: number): number {
    const left = place * 2 + 1;
    const leftAt = this.#entries[left]?.at ?? Number.POSITIVE_INFINITY;
    const rightAt = this.#entries[left + 1]?.at ?? Number.POSITIVE_INFINITY;
    return rightAt < leftAt ? left + 1 : left;
  }
}
