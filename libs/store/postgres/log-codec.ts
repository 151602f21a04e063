import { promisify } from "node:util";
import { deflate, inflate } from "node:zlib";
import type { LogEntryRow } from "#ports/log-store.ts";

const compress = promisify(deflate);
const expand = promisify(inflate);

const sources = ["stdout", "stderr", "system"] as const;

/** Fastest level: the text shrinks to about a fifth, and a flood of output must not cost the executor its turn. */
const level = 1;

type Line = readonly [at: number, source: number, text: string];

/** A chunk's lines as they are stored: JSON, compressed off the main thread. */
export function encodeLines(entries: readonly LogEntryRow[]): Promise<Buffer> {
  const lines = entries.map((entry): Line => [entry.at, sources.indexOf(entry.source), entry.text]);
  return compress(JSON.stringify(lines), { level });
}

export async function decodeLines(content: Buffer): Promise<readonly LogEntryRow[]> {
  const lines = JSON.parse((await expand(content)).toString("utf8")) as readonly Line[];
  return lines.map(([at, source, text]) => ({ at, source: sources[source] ?? "system", text }));
}
