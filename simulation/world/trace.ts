const keptLines = 4000;

/** What happened, as a hash of everything and, when wanted, as lines. */
export class Trace {
  readonly #lines: string[] | null;
  #hash = 0x811c9dc5;

  constructor(keepsLines: boolean) {
    this.#lines = keepsLines ? [] : null;
  }

  get keepsLines(): boolean {
    return this.#lines !== null;
  }

  /** Eight hexadecimal digits; the same seed gives the same. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  /** The newest lines, oldest first. */
  lines(count: number): readonly string[] {
    return this.#lines?.slice(-count) ?? [];
  }

  add(at: number, who: string, text: string): void {
    this.mix(Math.round(at * 1000));
    for (let place = 0; place < text.length; place += 1) this.mix(text.charCodeAt(place));
    if (this.#lines === null) return;
    this.#lines.push(`${at.toFixed(3).padStart(12)} ${who.padEnd(11)} ${text}`);
    if (this.#lines.length > 2 * keptLines) this.#lines.splice(0, keptLines);
  }

  /** A number that is part of the hash alone. */
  mix(value: number): void {
    this.#hash = Math.imul(this.#hash ^ value, 0x01000193);
  }
}
