import { hasRoom, noResources, type ResourceAmounts } from "#core/resource-amounts.ts";
import type { Clock } from "#ports/clock.ts";
import type { PickedInstance } from "#ports/queued-instance.ts";
import { tryKey } from "./try-key.ts";

/**
 * What was picked is used for so many times the time that the pick took, within bounds in milliseconds, so that picks are
 * a small part of the database's work however slow they are. Something more urgent waits no longer than that behind it.
 */
const freshTimes = 20;
const freshBounds = { least: 50, most: 500 };
/** So many are picked for each slot, as short attempts need them before the next pick is there; and at most so many in all. */
const aheadOfEachSlot = 4;
const mostAhead = 256;
/**
 * For so long after another executor had what was picked here the two are taken to pick the same: twice as long each time,
 * from the least again after a minute without.
 */
const rivalryBounds = { least: 1000, most: 30_000 };
const peaceMs = 60_000;

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
  #rivalryMs = 0;

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
      return { ...picked, instances: picked.instances.filter((one) => !taken.has(tryKey(one))) };
    } finally {
      this.#looks.delete(taken);
    }
  }

  /** Whether it is claimed by now: picks that run side by side may find the same. */
  isTaken(instance: PickedInstance): boolean {
    return this.#claims.has(tryKey(instance));
  }

  /**
   * What a pick that began at `since` found beyond the slots takes the place of what there was for this work. `isCut`: more
   * waits than that. A pick that found nothing but for free slots leaves a list that can still be used.
   */
  put(work: string, waiting: readonly PickedInstance[], { since, isCut }: { since: number; isCut: boolean }): void {
    const tookMs = this.#clock.now() - since;
    // When a pick is slow, picking more does not make the database faster.
    const isSlow = tookMs > freshBounds.most / 2;
    if (isSlow || (waiting.length === 0 && !isCut)) {
      this.#lists.delete(work);
      return;
    }
    if (waiting.length === 0 && this.#isFresh(this.#lists.get(work))) return;
    const freshMs = Math.min(freshBounds.most, Math.max(freshBounds.least, freshTimes * tookMs));
    this.#lists.set(work, { waiting: [...waiting], size: waiting.length, pickedAt: since, freshMs, isCut });
  }

  /** Forgets what was picked for workers of other kinds than these. */
  keepOnly(works: ReadonlySet<string>): void {
    for (const work of this.#lists.keys()) if (!works.has(work)) this.#lists.delete(work);
  }

  /** The best that fits into what its worker has left; null: none, or what there is was picked too long ago. */
  take(work: string, room: ResourceAmounts): PickedInstance | null {
    const list = this.#lists.get(work);
    if (list === undefined || !this.#isFresh(list)) return null;
    const next = list.waiting.find(({ requests = noResources }) => hasRoom(room, requests));
    if (next === undefined) return null;
    this.claim(next);
    return next;
  }

  /** It is being claimed: no list has it any more, and no pick finds it, until it is settled. */
  claim(instance: PickedInstance): void {
    const key = tryKey(instance);
    this.#claims.add(key);
    for (const taken of this.#looks) taken.add(key);
    for (const { waiting } of this.#lists.values()) dropFrom(waiting, key);
  }

  /** Its claim is written, or has failed. */
  settle(instance: PickedInstance): void {
    this.#claims.delete(tryKey(instance));
  }

  /** Another executor had what was picked here. */
  noteRival(): void {
    const now = this.#clock.now();
    const { least, most } = rivalryBounds;
    const isNew = this.#rivalryMs === 0 || now - this.#rivalryUntil > peaceMs;
    if (!this.hasRivals) this.#rivalryMs = isNew ? least : Math.min(most, 2 * this.#rivalryMs);
    this.#rivalryUntil = now + this.#rivalryMs;
    this.#lists.clear();
  }

  #isFresh(list: List | undefined): boolean {
    return list !== undefined && list.waiting.length > 0 && this.#clock.now() - list.pickedAt <= list.freshMs;
  }
}

function dropFrom(waiting: PickedInstance[], key: string): void {
  const place = waiting.findIndex((one) => tryKey(one) === key);
  if (place >= 0) waiting.splice(place, 1);
}
