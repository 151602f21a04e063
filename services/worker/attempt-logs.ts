import type { Clock } from "#ports/clock.ts";
import type { LogPiece, LogText } from "#runner/runner-protocol.ts";
import { type AttemptRef, type AttemptReport, keyOf } from "./attempt.ts";
import { WithheldLogs } from "./withheld-logs.ts";

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

/** Numbers log chunks, sends them, and keeps them until they are durable. How much that can be is the runner's credit. */
export class AttemptLogs {
  readonly #kept = new Map<string, Kept>();
  readonly #send: (chunk: NumberedChunk) => void;
  readonly #withheld: WithheldLogs;

  /** `send` does nothing while there is no session: a new one is told all. */
  constructor(clock: Pick<Clock, "after">, send: (chunk: NumberedChunk) => void) {
    this.#send = send;
    this.#withheld = new WithheldLogs(clock, send);
  }

  begin(ref: AttemptRef, giveBack: (cost: number) => void): void {
    this.#kept.set(keyOf(ref), { ref, unacknowledged: [], sequence: 0, hasEnded: false, giveBack });
  }

  /** Does nothing where the attempt is unknown. */
  add(key: string, piece: LogPiece): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    kept.sequence += 1;
    const { entries, droppedBytes } = piece;
    const chunk = { ref: kept.ref, sequence: kept.sequence, entries, droppedBytes };
    kept.unacknowledged.push({ chunk, cost: piece.cost });
    this.#withheld.put(chunk);
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

  /** Sends what is withheld. */
  flush(key: string): void {
    this.#withheld.release(key);
  }

  /** All that there is, where none of it was sent: the caller keeps it from now on. Null: the log goes by itself. */
  takeShort(key: string): NonNullable<AttemptReport["log"]> | null {
    const chunk = this.#withheld.take(key);
    if (chunk === null) return null;
    this.#kept.get(key)?.unacknowledged.splice(0);
    return { entries: chunk.entries, droppedBytes: chunk.droppedBytes };
  }

  /** The opposite, for an attempt that has ended: the log goes by itself after all. Does nothing where it has. */
  takeBack(ref: AttemptRef, log: NonNullable<AttemptReport["log"]>): void {
    const key = keyOf(ref);
    if (this.#kept.has(key)) return;
    const chunk = { ref, sequence: 1, ...log };
    const unacknowledged = [{ chunk, cost: 0 }];
    this.#kept.set(key, { ref, unacknowledged, sequence: 1, hasEnded: true, giveBack: () => undefined });
    this.#send(chunk);
  }

  countOf(key: string): number {
    return this.#kept.get(key)?.sequence ?? 0;
  }

  /** To a new session, in order. */
  sendAgain(): void {
    this.#withheld.clear();
    for (const { unacknowledged } of this.#kept.values()) for (const { chunk } of unacknowledged) this.#send(chunk);
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
