import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isStaticProgram } from "./static-program.ts";

const segment = { load: 1, interpreter: 3 } as const;
let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "millrace-static-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A header of ELF with a table of these segments. */
function program(bits: 32 | 64, kinds: readonly number[]): Buffer {
  const [headerSize, entrySize] = bits === 64 ? [0x40, 56] : [0x34, 32];
  const bytes = Buffer.alloc(headerSize + entrySize * kinds.length + 64);
  bytes.write("\x7fELF", "latin1");
  bytes.set([bits === 64 ? 2 : 1, 1], 4);
  if (bits === 64) bytes.writeBigUInt64LE(BigInt(headerSize), 0x20);
  else bytes.writeUInt32LE(headerSize, 0x1c);
  bytes.writeUInt16LE(entrySize, bits === 64 ? 0x36 : 0x2a);
  bytes.writeUInt16LE(kinds.length, bits === 64 ? 0x38 : 0x2c);
  for (const [index, kind] of kinds.entries()) bytes.writeUInt32LE(kind, headerSize + index * entrySize);
  return bytes;
}

test.each([
  ["a 64-bit program without a loader", program(64, [segment.load, segment.load]), true],
  ["a 64-bit program that names its loader", program(64, [segment.load, segment.interpreter]), false],
  ["a 32-bit program without a loader", program(32, [segment.load]), true],
  ["a 32-bit program that names its loader", program(32, [segment.interpreter, segment.load]), false],
  ["a script", Buffer.from("#!/bin/sh\n".repeat(20)), false],
  ["a program that is cut off", program(64, [segment.load]).subarray(0, 0x44), false],
  ["nothing", Buffer.alloc(0), false],
])("%s", (name, bytes, expected) => {
  const path = join(directory, name.replaceAll(" ", "-"));
  writeFileSync(path, bytes);
  expect(isStaticProgram(path)).toBe(expected);
});
