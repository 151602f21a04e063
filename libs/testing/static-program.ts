import { closeSync, openSync, readSync } from "node:fs";
import { findProgram } from "./find-program.ts";

/** Where 64-bit and 32-bit programs of the format ELF say which segments they have. */
const layouts = [
  { wordSize: 8, offsetAt: 0x20, entrySizeAt: 0x36, countAt: 0x38 },
  { wordSize: 4, offsetAt: 0x1c, entrySizeAt: 0x2a, countAt: 0x2c },
] as const;
const interpreterSegment = 3;
/** The table of segments follows the header in every usual program. */
const readBytes = 4096;

/** Whether a program runs without any other file: it names no loader of libraries. What is not a program does not. */
export function isStaticProgram(path: string): boolean {
  const head = readHead(path);
  if (head.length < 0x40 || head.toString("latin1", 0, 4) !== "\x7fELF" || head[5] !== 1) return false;
  const layout = layouts[head[4] === 2 ? 0 : 1];
  const start =
    layout.wordSize === 8 ? Number(head.readBigUInt64LE(layout.offsetAt)) : head.readUInt32LE(layout.offsetAt);
  const entrySize = head.readUInt16LE(layout.entrySizeAt);
  const count = head.readUInt16LE(layout.countAt);
  if (count === 0 || start + count * entrySize > head.length) return false;
  return Array.from({ length: count }, (_, index) => head.readUInt32LE(start + index * entrySize)).every(
    (kind) => kind !== interpreterSegment,
  );
}

/** The busybox that images of tests are made of; systems with both name the static one apart. Null: there is none. */
export function findStaticBusybox(): string | null {
  const found = ["busybox.static", "busybox"].map(findProgram);
  return found.find((path) => path !== null && isStaticProgram(path)) ?? null;
}

function readHead(path: string): Buffer {
  const file = openSync(path, "r");
  try {
    const head = Buffer.alloc(readBytes);
    return head.subarray(0, readSync(file, head, 0, readBytes, 0));
  } finally {
    closeSync(file);
  }
}
