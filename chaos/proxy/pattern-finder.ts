/** Answers where a byte pattern ends in what has come so far, also when it lies across two chunks. */
export interface PatternFinder {
  /** The offset in `chunk` just behind the first end of the pattern, or null. */
  find(chunk: Buffer): number | null;
}

export function createPatternFinder(pattern: Buffer): PatternFinder {
  if (pattern.length === 0) throw new Error("an empty pattern would be found everywhere");
  let tail = Buffer.alloc(0);
  return {
    find(chunk) {
      const joined = Buffer.concat([tail, chunk]);
      const place = joined.indexOf(pattern);
      const before = tail.length;
      tail = place < 0 ? joined.subarray(Math.max(0, joined.length - pattern.length + 1)) : Buffer.alloc(0);
      return place < 0 ? null : place + pattern.length - before;
    },
  };
}
