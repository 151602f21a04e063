import { hasRoom, noResources, type ResourceAmounts } from "#core/resource-amounts.ts";
import type { Clock } from "#ports/clock.ts";
import type { PickedInstance } from "#ports/queued-instance.ts";

/**
 * What was picked is used for so many times the time that the pick took, within bounds in milliseconds, so that picks are
 * a small part of the database's work however slow they are. Something more urgent waits no longer than that behind it.
 */
const freshTimes = 20;
const freshBounds = { least: 50, most: 500 };
/** So many are picked for each slot, as short attempts need them before the next pick is there; and at most so many in all. */
const aheadOfEachSlot = 4;
const mostAhead = 256;
/** For so long after somebody else had what was picked here, executors are taken to pick the same. */
const rivalryMs = 1000;

interface List {
  readonly waiting: PickedInstance[];
  readonly size: number;
  readonly pickedAt: number;
  readonly freshMs: number;
  /** More waits than was picked. */
  readonly isCut: boolean;
}

/**
 * What was picked beyond the slots that were free, best first, by the work of the workers that it is for. While more
 * waits than there are slots, a slot that comes free goes on with the next of these in the write that frees it.
 */
export class PickedAhead {
  readonly #clock: Pick<Clock, "now">;
  readonly #lists = new Map<string, List>();
  /** Taken and not yet written. */
  readonly #claims = new Set<string>();
  /** What each pick that is under way may find although it was taken. */
  readonly #looks = new Set<Set<string>>();
  #rivalryUntil = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** Other executors pick what is picked here: what is on its way must be marked as such. */
  get hasRivals(): boolean {
    return this.#clock.now() < this.#rivalryUntil;
  }

  /** How many are to be picked for so many slots, beyond those that are free. */
  wanted(work: string, slots: number): number {
    return this.isLow(work) ? Math.min(aheadOfEachSlot * slots, mostAhead) : 0;
  }

  /** A pick would be of use before a slot comes free. */
  isLow(work: string): boolean {
    const list = this.#lists.get(work);
    if (list === undefined || this.hasRivals) return false;
    const isOld = this.#clock.now() - list.pickedAt > list.freshMs / 2;
    return list.isCut ? isOld || 2 * list.waiting.length <= list.size : isOld && list.waiting.length > 0;
  }

  /** Runs a pick, and leaves out of it what was taken when it began or is taken until it ends. */
  async without<T extends { readonly instances: readonly PickedInstance[] }>(pick: () => Promise<T>): Promise<T> {
    const taken = new Set(this.#claims);
    this.#looks.add(taken);
    try {
      const picked = await pick();
      return { ...picked, instances: picked.instances.filter((one) => !taken.has(keyOf(one))) };
    } finally {
      this.#looks.delete(taken);
    }
  }

  /** Replaces what there was for this work, by what a pick found that began at `since`. `isCut`: more waits than that. */
  put(work: string, waiting: readonly PickedInstance[], { since, isCut }: { since: number; isCut: boolean }): void {
    if (waiting.length === 0 && !isCut) {
      this.#lists.delete(work);
      return;
    }
    const freshMs = Math.min(freshBounds.most, Math.max(freshBounds.least, freshTimes * (this.#clock.now() - since)));
    this.#lists.set(work, { waiting: [...waiting], size: waiting.length, pickedAt: since, freshMs, isCut });
  }

  /** The best that fits into what its worker has left; null: none, or what there is was picked too long ago. */
  take(work: string, room: ResourceAmounts): PickedInstance | null {
    const list = this.#lists.get(work);
    if (list === undefined || this.#clock.now() - list.pickedAt > list.freshMs) return null;
    const place = list.waiting.findIndex(({ requests = noResources }) => hasRoom(room, requests));
    const [next] = place < 0 ? [] : list.waiting.splice(place, 1);
    if (next === undefined) return null;
    const key = keyOf(next);
    this.#claims.add(key);
    for (const taken of this.#looks) taken.add(key);
    for (const other of this.#lists.values()) if (other !== list) dropFrom(other.waiting, key);
    return next;
  }

  /** Its claim is written, or has failed. */
  settle(instance: PickedInstance): void {
    this.#claims.delete(keyOf(instance));
  }

  /** What was picked here was not to be had any more. */
  noteRival(): void {
    this.#lists.clear();
    this.#rivalryUntil = this.#clock.now() + rivalryMs;
  }
}

function keyOf({ runKey, ordinal, generation, tryNumber }: PickedInstance): string {
  return `${runKey}/${ordinal}/${generation}/${tryNumber}`;
}

function dropFrom(waiting: PickedInstance[], key: string): void {
  const place = waiting.findIndex((one) => keyOf(one) === key);
  if (place >= 0) waiting.splice(place, 1);
}
