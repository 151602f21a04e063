/** What stands in the place of a secret. */
export const mask = "***";
const maskBytes = Buffer.from(mask);
/** A beginning of a secret so long is masked too when the output ends with it. */
const minPartLength = 4;

/**
 * Masks in a stream of bytes, wherever it was cut: what may be the beginning of something to mask is kept back until it
 * can be told.
 */
export class StreamMasker {
  /** Longest first, so that of two that begin at one place the longer is masked. */
  readonly #forms: readonly Buffer[];
  readonly #longest: number;
  #held: Buffer = Buffer.alloc(0);

  constructor(forms: readonly Buffer[]) {
    this.#forms = forms.toSorted((a, b) => b.length - a.length);
    this.#longest = this.#forms[0]?.length ?? 0;
  }

  /** What may be shown by now. */
  push(piece: Buffer): Buffer {
    if (this.#forms.length === 0) return piece;
    const bytes = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece]);
    const shown: Buffer[] = [];
    let start = 0;
    let limit = this.#undecidedAt(bytes, 0);
    for (let found = this.#find(bytes, 0); found !== null && found.at < limit; found = this.#find(bytes, start)) {
      shown.push(bytes.subarray(start, found.at), maskBytes);
      start = found.at + found.length;
      if (start > limit) limit = this.#undecidedAt(bytes, start);
    }
    shown.push(bytes.subarray(start, limit));
    this.#held = Buffer.from(bytes.subarray(limit));
    return Buffer.concat(shown);
  }

  /** The rest; a beginning of a secret that was cut off is masked as one. */
  end(): Buffer {
    const held = this.#held;
    this.#held = Buffer.alloc(0);
    const shown: Buffer[] = [];
    let start = 0;
    for (let found = this.#find(held, 0); found !== null; found = this.#find(held, start)) {
      shown.push(held.subarray(start, found.at), maskBytes);
      start = found.at + found.length;
    }
    const part = this.#undecidedAt(held, start);
    const isPart = held.length - part >= minPartLength;
    shown.push(held.subarray(start, isPart ? part : held.length));
    return Buffer.concat(isPart ? [...shown, maskBytes] : shown);
  }

  #find(bytes: Buffer, from: number): { readonly at: number; readonly length: number } | null {
    let best: { readonly at: number; readonly length: number } | null = null;
    for (const form of this.#forms) {
      const at = bytes.indexOf(form, from);
      if (at !== -1 && (best === null || at < best.at)) best = { at, length: form.length };
    }
    return best;
  }

  /** Where the end may be the beginning of something to mask; the whole length when it can't. */
  #undecidedAt(bytes: Buffer, from: number): number {
    for (let at = Math.max(from, bytes.length - this.#longest + 1); at < bytes.length; at += 1) {
      const length = bytes.length - at;
      const isPart = this.#forms.some(
        (form) =>
          form.length > length && form[0] === bytes[at] && form.compare(bytes, at, bytes.length, 0, length) === 0,
      );
      if (isPart) return at;
    }
    return bytes.length;
  }
}
