import { promisify } from "node:util";
import { deflate, deflateSync, inflate } from "node:zlib";
import type { LogEntryRow } from "#ports/log-store.ts";

const compress = promisify(deflate);
const expand = promisify(inflate);

const sources = ["stdout", "stderr", "system"] as const;

/** Fastest level: the text shrinks to about a fifth, and a flood of output must not cost the executor its turn. */
const level = 1;

type Line = readonly [at: number, source: number, text: string];

/** Less than that is compressed on the spot, in a fifth of the time that handing it to another thread takes. */
const shortLength = 2 * 1024;

/** A chunk's lines as they are stored: JSON, compressed, off the main thread where there is much of it. */
export async function encodeLines(entries: readonly LogEntryRow[]): Promise<Buffer> {
  const text = toText(entries);
  return text.length < shortLength ? deflateSync(text, { level }) : compress(text, { level });
}

/** The same at once, for a few lines. */
export function encodeShort(entries: readonly LogEntryRow[]): Buffer {
  return deflateSync(toText(entries), { level });
}

/** Bytes of the lines as text, each with its newline. */
export function textBytes(entries: readonly LogEntryRow[]): number {
  return entries.reduce((sum, { text }) => sum + Buffer.byteLength(text) + 1, 0);
}

function toText(entries: readonly LogEntryRow[]): string {
  return JSON.stringify(entries.map((entry): Line => [entry.at, sources.indexOf(entry.source), entry.text]));
}

export async function decodeLines(content: Buffer): Promise<readonly LogEntryRow[]> {
  const lines = JSON.parse((await expand(content)).toString("utf8")) as readonly Line[];
  return lines.map(([at, source, text]) => ({ at, source: sources[source] ?? "system", text }));
}
