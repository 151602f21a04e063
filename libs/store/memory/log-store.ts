import type { AttemptAddress, LogLineRow, LogStore } from "#ports/log-store.ts";
import type { MemoryState } from "./memory-state.ts";

interface AttemptLog {
  readonly sequences: Set<number>;
  readonly lines: LogLineRow[];
}

export function createMemoryLogs(state: MemoryState): LogStore {
  const logs = new Map<string, AttemptLog>();
  return {
    async append(chunks) {
      for (const chunk of chunks) {
        const address = addressOf(chunk);
        const log = logs.get(address) ?? { sequences: new Set(), lines: [] };
        logs.set(address, log);
        if (log.sequences.has(chunk.sequence)) continue;
        log.sequences.add(chunk.sequence);
        for (const entry of chunk.entries) log.lines.push({ ...entry, number: log.lines.length + 1 });
        state.wake.notify("logs", `${chunk.runKey}/${chunk.ordinal}`);
      }
    },
    async read({ attempt, afterLine, limit }) {
      return (logs.get(addressOf(attempt))?.lines ?? []).slice(afterLine, afterLine + limit);
    },
    async textSize(attempt) {
      const lines = logs.get(addressOf(attempt))?.lines ?? [];
      return lines.reduce((size, line) => size + textBytes(line), 0);
    },
    async *readText({ attempt, start, end }) {
      let firstByte = 0;
      for (const line of logs.get(addressOf(attempt))?.lines ?? []) {
        const nextByte = firstByte + textBytes(line);
        if (nextByte > start && firstByte < end)
          yield Buffer.from(`${line.text}\n`).subarray(Math.max(0, start - firstByte), end - firstByte);
        firstByte = nextByte;
      }
    },
  };
}

function textBytes({ text }: LogLineRow): number {
  return Buffer.byteLength(text) + 1;
}

function addressOf(attempt: AttemptAddress): string {
  return `${attempt.runKey}/${attempt.ordinal}/${attempt.generation}/${attempt.tryNumber}`;
}
