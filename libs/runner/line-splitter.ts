const newline = 10;

/** Longer lines are cut, at a character's edge. */
export const maxLineBytes: number = 64 * 1024;

/**
 * Cuts a stream into blocks of whole lines (joined by newlines, without the last one), whatever the pieces it comes in.
 * The work is one search per piece, so that a flood costs little.
 */
export interface LineSplitter {
  /** Whole lines that this piece completes, or null. */
  push(piece: Buffer): Buffer | null;
  /** What has come of a line without an end, as a line of its own; null when nothing has. */
  flush(): Buffer | null;
  readonly pendingBytes: number;
}

export function createLineSplitter(): LineSplitter {
  let pending: Buffer[] = [];
  let pendingBytes = 0;

  const take = (last: Buffer): Buffer => {
    const block = pending.length === 0 ? last : Buffer.concat([...pending, last]);
    pending = [];
    pendingBytes = 0;
    return block;
  };
  const keep = (rest: Buffer): void => {
    if (rest.length === 0) return;
    pending.push(rest);
    pendingBytes += rest.length;
  };

  return {
    push(piece) {
      const end = piece.lastIndexOf(newline);
      if (end === -1) {
        keep(piece);
        return pendingBytes > maxLineBytes ? this.flush() : null;
      }
      const block = take(piece.subarray(0, end));
      keep(piece.subarray(end + 1));
      return block;
    },
    flush() {
      if (pendingBytes === 0) return null;
      const all = take(Buffer.alloc(0));
      const end = characterEdge(all, all.length);
      // A line that is nothing but the beginning of one character is no text: it goes out as it is.
      if (end === 0) return all;
      keep(all.subarray(end));
      return all.subarray(0, end);
    },
    get pendingBytes() {
      return pendingBytes;
    },
  };
}

/** The last place at or before `end` that does not split a UTF-8 character. */
export function characterEdge(bytes: Buffer, end: number): number {
  for (let back = 1; back <= 3 && back <= end; back += 1) {
    const byte = bytes[end - back] ?? 0;
    if (byte < 0x80) return end;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return back < length ? end - back : end;
    }
  }
  return end;
}

/** Follows a stream and knows its last line, up to `limit` bytes of it. */
export function createLastLine(limit: number): { push(piece: Buffer): void; text(): string } {
  let last: Buffer = Buffer.alloc(0);
  let current: Buffer = Buffer.alloc(0);
  const append = (piece: Buffer): Buffer => Buffer.concat([current, piece.subarray(0, limit - current.length)]);
  return {
    push(piece) {
      const end = piece.lastIndexOf(newline);
      if (end === -1) {
        if (current.length < limit) current = append(piece);
        return;
      }
      const before = end === 0 ? -1 : piece.lastIndexOf(newline, end - 1);
      last =
        before === -1
          ? append(piece.subarray(0, end))
          : Buffer.from(piece.subarray(before + 1, end).subarray(0, limit));
      current = Buffer.from(piece.subarray(end + 1).subarray(0, limit));
    },
    text() {
      return (current.length > 0 ? current : last).toString("utf8").replace(/\r$/, "");
    },
  };
}
