import type { LogPiece, LogText } from "#runner/runner-protocol.ts";
import { type AttemptRef, keyOf } from "./attempt.ts";

/** What all attempts that have ended may keep of logs that nobody confirms, in cost. */
const maxEndedCost = 64 * 1024 * 1024;

/** A chunk of an attempt's log, numbered from 1 without gaps. */
export interface NumberedChunk {
  readonly ref: AttemptRef;
  readonly sequence: number;
  readonly entries: readonly LogText[];
  readonly droppedBytes: number;
}

interface Kept {
  readonly ref: AttemptRef;
  readonly unacknowledged: { readonly chunk: NumberedChunk; readonly cost: number }[];
  sequence: number;
  hasEnded: boolean;
  /** Gives the runner room for more. */
  readonly giveBack: (cost: number) => void;
}

/** Numbers log chunks and keeps them until they are durable. How much that can be is the runner's credit. */
export class AttemptLogs {
  readonly #kept = new Map<string, Kept>();

  begin(ref: AttemptRef, giveBack: (cost: number) => void): void {
    this.#kept.set(keyOf(ref), { ref, unacknowledged: [], sequence: 0, hasEnded: false, giveBack });
  }

  /** Null: the attempt is unknown. */
  add(key: string, piece: LogPiece): NumberedChunk | null {
    const kept = this.#kept.get(key);
    if (kept === undefined) return null;
    kept.sequence += 1;
    const { entries, droppedBytes } = piece;
    const chunk = { ref: kept.ref, sequence: kept.sequence, entries, droppedBytes };
    kept.unacknowledged.push({ chunk, cost: piece.cost });
    return chunk;
  }

  acknowledge(key: string, sequence: number): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    let cost = 0;
    for (
      let first = kept.unacknowledged[0];
      first !== undefined && first.chunk.sequence <= sequence;
      first = kept.unacknowledged[0]
    ) {
      cost += first.cost;
      kept.unacknowledged.shift();
    }
    if (cost > 0) kept.giveBack(cost);
    this.#tidy(key, kept);
  }

  /** No more will come. What is not durable yet is kept, within a limit; answers the attempts whose logs were given up. */
  end(key: string): readonly AttemptRef[] {
    const kept = this.#kept.get(key);
    if (kept === undefined) return [];
    kept.hasEnded = true;
    this.#tidy(key, kept);
    return this.#giveUpOldest();
  }

  countOf(key: string): number {
    return this.#kept.get(key)?.sequence ?? 0;
  }

  /** In order, for a new session. */
  unacknowledged(): readonly NumberedChunk[] {
    return [...this.#kept.values()].flatMap(({ unacknowledged }) => unacknowledged.map(({ chunk }) => chunk));
  }

  #tidy(key: string, kept: Kept): void {
    if (kept.hasEnded && kept.unacknowledged.length === 0) this.#kept.delete(key);
  }

  #giveUpOldest(): readonly AttemptRef[] {
    const ended = [...this.#kept].filter(([, { hasEnded }]) => hasEnded);
    let cost = ended.reduce((sum, [, kept]) => sum + costOf(kept), 0);
    const givenUp: AttemptRef[] = [];
    for (const [key, kept] of ended) {
      if (cost <= maxEndedCost) break;
      cost -= costOf(kept);
      givenUp.push(kept.ref);
      this.#kept.delete(key);
    }
    return givenUp;
  }
}

function costOf({ unacknowledged }: Kept): number {
  return unacknowledged.reduce((sum, { cost }) => sum + cost, 0);
}
