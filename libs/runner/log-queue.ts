import { characterEdge, maxLineBytes } from "./line-splitter.ts";
import type { LogText } from "./runner-protocol.ts";

const newline = 10;

/** What a line costs beside its bytes, in limits, in credit and about as much wherever it is kept. */
const lineOverhead = 32;
const maxPieceLines = 1000;

/** Whole lines of one source, joined by newlines, as they were read. */
export interface LogBlock {
  readonly source: LogText["source"];
  readonly at: number;
  readonly bytes: Buffer;
}

/** The part of a log that was read and not sent yet, oldest first. */
export interface LogQueue {
  push(block: LogBlock): void;
  /** Takes lines that cost at most `budget`, but at least one; at most 64 KiB and 1,000 lines. */
  take(budget: number): { readonly entries: readonly LogText[]; readonly cost: number };
  /**
   * Drops the oldest blocks as long as the rest costs `capacity` or more, with `isExact` also the oldest lines until
   * it costs no more. Answers the number of bytes dropped.
   */
  trim(capacity: number, isExact?: boolean): number;
  readonly cost: number;
}

export function createLogQueue(): LogQueue {
  let blocks: { readonly block: LogBlock; readonly cost: number }[] = [];
  let head = 0;
  let cost = 0;

  const removeFirst = (): void => {
    cost -= blocks[head]?.cost ?? 0;
    head += 1;
    if (head * 2 < blocks.length) return;
    blocks = blocks.slice(head);
    head = 0;
  };
  const replaceFirst = (block: LogBlock): void => {
    const next = { block, cost: costOf(block.bytes) };
    cost += next.cost - (blocks[head]?.cost ?? 0);
    blocks[head] = next;
  };

  return {
    push(block) {
      const next = { block, cost: costOf(block.bytes) };
      blocks.push(next);
      cost += next.cost;
    },
    take(budget) {
      const entries: LogText[] = [];
      const taken = { cost: 0, lines: 0, bytes: 0 };
      for (let first = blocks[head]; first !== undefined; first = blocks[head]) {
        const { source, at, bytes } = first.block;
        const cut = cutLines(bytes, {
          cost: budget - taken.cost,
          bytes: maxLineBytes - taken.bytes,
          lines: maxPieceLines - taken.lines,
          mustTake: taken.lines === 0,
        });
        if (cut === null) break;
        entries.push({ source, at, text: bytes.toString("utf8", 0, cut.end) });
        taken.cost += cut.cost;
        taken.lines += cut.lines;
        taken.bytes += cut.end;
        if (cut.next === null) {
          removeFirst();
          continue;
        }
        replaceFirst({ source, at, bytes: bytes.subarray(cut.next) });
        break;
      }
      return { entries, cost: taken.cost };
    },
    trim(capacity, isExact = false) {
      let dropped = 0;
      let first = blocks[head];
      for (; first !== undefined && cost - first.cost >= capacity; first = blocks[head]) {
        dropped += first.block.bytes.length + 1;
        removeFirst();
      }
      if (!isExact || first === undefined || cost <= capacity) return dropped;
      const { bytes } = first.block;
      const start = findStart(bytes, cost - capacity);
      replaceFirst({ ...first.block, bytes: bytes.subarray(start) });
      return dropped + start;
    },
    get cost() {
      return cost;
    },
  };
}

/** A loop over the bytes: it takes a twentieth of the time that searching from newline to newline takes. */
function costOf(bytes: Buffer): number {
  let lines = 1;
  for (let index = 0; index < bytes.length; index += 1) if (bytes[index] === newline) lines += 1;
  return bytes.length + lines * lineOverhead;
}

interface Room {
  readonly cost: number;
  readonly bytes: number;
  readonly lines: number;
  readonly mustTake: boolean;
}

interface Cut {
  readonly end: number;
  /** Where the next line begins; null: the block is used up. */
  readonly next: number | null;
  readonly cost: number;
  readonly lines: number;
}

/** The lines that there is room for; null when not even one fits. A line that is too long is cut. */
function cutLines(block: Buffer, room: Room): Cut | null {
  let cut: Cut | null = null;
  let start = 0;
  let cost = 0;
  let lines = 0;
  while (lines < room.lines) {
    const found = block.indexOf(newline, start);
    const end = found === -1 ? block.length : found;
    const isFirst = lines === 0 && room.mustTake;
    if (isFirst && end - start > maxLineBytes) {
      const edge = characterEdge(block, start + maxLineBytes);
      return { end: edge, next: edge, cost: edge - start + lineOverhead, lines: 1 };
    }
    cost += end - start + lineOverhead;
    if (!isFirst && (cost > room.cost || end > room.bytes)) break;
    lines += 1;
    cut = { end, next: found === -1 ? null : found + 1, cost, lines };
    if (cut.next === null) break;
    start = cut.next;
  }
  return cut;
}

/** Where the block begins when its first lines, of at least this cost, are left out; a last line loses its beginning. */
function findStart(block: Buffer, excess: number): number {
  let start = 0;
  let left = excess;
  while (left > 0) {
    const end = block.indexOf(newline, start);
    if (end === -1) break;
    left -= end - start + lineOverhead;
    start = end + 1;
  }
  return left > 0 ? characterStart(block, Math.min(start + left, block.length)) : start;
}

/** The first place at or after `start` at which a UTF-8 character begins. */
function characterStart(bytes: Buffer, start: number): number {
  let place = start;
  while (place < start + 3 && ((bytes[place] ?? 0) & 0xc0) === 0x80) place += 1;
  return place;
}
