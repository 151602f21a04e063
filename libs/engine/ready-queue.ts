/** The tasks that may start, first come, first served: a ring, in which each task is at most once. */
export class ReadyQueue {
  size = 0;
  #ring: Int32Array;
  #head = 0;

  /** Takes the array as its first ring. */
  constructor(ring: Int32Array) {
    this.#ring = ring;
  }

  push(index: number): void {
    if (this.size === this.#ring.length) this.#grow();
    const place = this.#head + this.size;
    const length = this.#ring.length;
    this.#ring[place < length ? place : place - length] = index;
    this.size += 1;
  }

  /** The queue is not empty. */
  take(): number {
    const index = this.#ring[this.#head] ?? 0;
    this.#head = this.#head + 1 === this.#ring.length ? 0 : this.#head + 1;
    this.size -= 1;
    return index;
  }

  clear(): void {
    this.size = 0;
  }

  #grow(): void {
    const ring = new Int32Array(Math.max(16, 2 * this.#ring.length));
    ring.set(this.#ring.subarray(this.#head));
    ring.set(this.#ring.subarray(0, this.#head), this.#ring.length - this.#head);
    this.#ring = ring;
    this.#head = 0;
  }
}
