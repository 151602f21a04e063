import { type SlotNeed, ofRun } from "#core/limits.ts";

/** Who holds a slot: a run (ordinal `ofRun`) or the attempt of one of its instances. */
export interface SlotHolder {
  readonly runKey: number;
  readonly ordinal: number;
  readonly takenAt: number;
}

/** Slot rows of all limits, each with its holder; only taken ones are kept. */
export class SlotRows {
  readonly #taken = new Map<string, Map<number, SlotHolder>>();
  readonly #pools: ReadonlyMap<string, { readonly size: number }>;
  /** Limits that each run holds something of. */
  readonly #ofRun = new Map<number, Set<string>>();

  constructor(pools: ReadonlyMap<string, { readonly size: number }>) {
    this.#pools = pools;
  }

  /** Free rows within the size; `size` null: as the pool is sized. */
  room(limit: string, size: number | null): number {
    const most = size ?? this.#pools.get(limit.slice(limit.indexOf("/") + 1))?.size ?? 0;
    return most - [...(this.#taken.get(limit)?.keys() ?? [])].filter((number) => number <= most).length;
  }

  /** Whether there is room for all of these at once. */
  hasRoom(needs: readonly SlotNeed[]): boolean {
    return [...Map.groupBy(needs, ({ limit }) => limit)].every(
      ([limit, same]) => this.room(limit, same[0]?.size ?? null) >= same.length,
    );
  }

  take(runKey: number, needs: readonly SlotNeed[], takenAt: number): void {
    for (const { limit, ordinal } of needs) {
      const rows = this.#taken.get(limit) ?? new Map<number, SlotHolder>();
      let number = 1;
      while (rows.has(number)) number += 1;
      this.#taken.set(limit, rows.set(number, { runKey, ordinal, takenAt }));
      const limits = this.#ofRun.get(runKey) ?? new Set();
      this.#ofRun.set(runKey, limits.add(limit));
    }
  }

  /** Gives back everything that these holders of a run have. */
  free(runKey: number, ordinals: readonly number[]): void {
    for (const limit of this.#ofRun.get(runKey) ?? []) {
      const rows = this.#taken.get(limit);
      for (const [number, holder] of rows ?? []) {
        if (holder.runKey === runKey && ordinals.includes(holder.ordinal)) rows?.delete(number);
      }
    }
    if (ordinals.includes(ofRun)) this.#ofRun.delete(runKey);
  }

  /** By limit, in the order of their numbers. */
  *all(): Generator<{ readonly limit: string; readonly number: number; readonly holder: SlotHolder }> {
    for (const [limit, rows] of this.#taken) {
      for (const [number, holder] of rows) yield { limit, number, holder };
    }
  }
}
