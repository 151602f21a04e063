import type { AttemptAddress, LogLineRow, LogStore, NewLogChunk } from "#ports/log-store.ts";
import type { MemoryState } from "./memory-state.ts";
import type { StoredLog } from "./stored-log.ts";

export function createMemoryLogs(state: MemoryState): LogStore {
  const find = (attempt: AttemptAddress): StoredLog | undefined =>
    state.logs.get(attempt.runKey)?.get(addressOf(attempt));
  return {
    async append(chunks) {
      for (const chunk of chunks) appendLog(state, chunk);
    },
    async read({ attempt, afterLine, limit }) {
      return (find(attempt)?.lines ?? []).slice(afterLine, afterLine + limit);
    },
    async textSize(attempt) {
      const lines = find(attempt)?.lines ?? [];
      return lines.reduce((size, line) => size + textBytes(line), 0);
    },
    async *readText({ attempt, start, end }) {
      let firstByte = 0;
      for (const line of find(attempt)?.lines ?? []) {
        const nextByte = firstByte + textBytes(line);
        if (nextByte > start && firstByte < end)
          yield Buffer.from(`${line.text}\n`).subarray(Math.max(0, start - firstByte), end - firstByte);
        firstByte = nextByte;
      }
    },
  };
}

/** Leaves alone what is there already. */
export function appendLog(state: MemoryState, chunk: NewLogChunk): void {
  const ofRun = state.logs.get(chunk.runKey) ?? new Map<string, StoredLog>();
  state.logs.set(chunk.runKey, ofRun);
  const log = ofRun.get(addressOf(chunk)) ?? { sequences: new Set(), lines: [] };
  ofRun.set(addressOf(chunk), log);
  if (log.sequences.has(chunk.sequence)) return;
  log.sequences.add(chunk.sequence);
  for (const entry of chunk.entries) log.lines.push({ ...entry, number: log.lines.length + 1 });
  state.wake.notify("logs", `${chunk.runKey}/${chunk.ordinal}`);
}

function textBytes({ text }: LogLineRow): number {
  return Buffer.byteLength(text) + 1;
}

function addressOf(attempt: AttemptAddress): string {
  return `${attempt.ordinal}/${attempt.generation}/${attempt.tryNumber}`;
}
