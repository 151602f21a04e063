import { compareUrgency, placeOldest } from "../changes/place-oldest.ts";
import { SortedList } from "./sorted-list.ts";

/** A queued instance that nothing holds. */
export interface ReadyEntry {
  readonly runKey: number;
  readonly ordinal: number;
  readonly dagKey: number;
  readonly priority: number;
  readonly dagPriority: number;
  readonly queuedAt: number;
}

/** The next entry of one DAG, and how many attempts of it will be out when what was picked has started. */
interface Candidate {
  readonly rest: Iterator<ReadyEntry>;
  next: ReadyEntry;
  out: number;
}

/** What waits for a worker, in the dispatcher's order: by priority, and among equals the DAG with the fewest attempts out. */
export class ReadyQueue {
  readonly #ofDag = new Map<number, SortedList<ReadyEntry>>();
  readonly #byAge = new SortedList<ReadyEntry>(compareAge);

  add(entry: ReadyEntry): void {
    const list = this.#ofDag.get(entry.dagKey) ?? new SortedList<ReadyEntry>(compareOfDag);
    this.#ofDag.set(entry.dagKey, list);
    list.add(entry);
    this.#byAge.add(entry);
  }

  remove(entry: ReadyEntry): void {
    const list = this.#ofDag.get(entry.dagKey);
    list?.remove(entry);
    if (list?.size === 0) this.#ofDag.delete(entry.dagKey);
    this.#byAge.remove(entry);
  }

  /** Oldest first. */
  [Symbol.iterator](): IterableIterator<ReadyEntry> {
    return this.#byAge[Symbol.iterator]();
  }

  /** By the order, except that the oldest have the places `oldestAt`, whatever their priority (I7). */
  pick(options: {
    readonly limit: number;
    readonly oldestAt: readonly number[];
    readonly attemptsOut: (dagKey: number) => number;
    readonly mayBeTaken: (entry: ReadyEntry) => boolean;
  }): readonly ReadyEntry[] {
    const { limit, oldestAt, attemptsOut, mayBeTaken } = options;
    const oldest = take(this.#byAge[Symbol.iterator](), Math.min(oldestAt.length, limit), mayBeTaken);
    const picked: ReadyEntry[] = [];
    const taken = new Set(oldest);
    const candidates = [...this.#ofDag].flatMap(([dagKey, list]): Candidate[] => {
      const rest = list[Symbol.iterator]();
      const next = nextOf(rest, (entry) => !taken.has(entry) && mayBeTaken(entry));
      const out = attemptsOut(dagKey) + oldest.filter((entry) => entry.dagKey === dagKey).length;
      return next === null ? [] : [{ rest, next, out }];
    });
    while (oldest.length + picked.length < limit && candidates.length > 0) {
      const place = bestOf(candidates);
      const best = candidates[place];
      if (best === undefined) break;
      picked.push(best.next);
      const next = nextOf(best.rest, (entry) => !taken.has(entry) && mayBeTaken(entry));
      best.out += 1;
      if (next === null) candidates.splice(place, 1);
      else best.next = next;
    }
    return placeOldest(oldest, picked, oldestAt);
  }
}

function take(entries: Iterator<ReadyEntry>, count: number, mayBeTaken: (entry: ReadyEntry) => boolean): ReadyEntry[] {
  const taken: ReadyEntry[] = [];
  while (taken.length < count) {
    const next = nextOf(entries, mayBeTaken);
    if (next === null) break;
    taken.push(next);
  }
  return taken;
}

function nextOf(entries: Iterator<ReadyEntry>, mayBeTaken: (entry: ReadyEntry) => boolean): ReadyEntry | null {
  for (let { done, value } = entries.next(); done !== true; { done, value } = entries.next())
    if (mayBeTaken(value)) return value;
  return null;
}

function bestOf(candidates: readonly Candidate[]): number {
  let best = 0;
  candidates.forEach((candidate, place) => {
    const present = candidates[best];
    if (present !== undefined && compareCandidates(candidate, present) < 0) best = place;
  });
  return best;
}

function compareCandidates(a: Candidate, b: Candidate): number {
  return compareUrgency(a.next, b.next) || a.out - b.out || compareAge(a.next, b.next);
}

function compareOfDag(a: ReadyEntry, b: ReadyEntry): number {
  return compareUrgency(a, b) || compareAge(a, b);
}

function compareAge(a: ReadyEntry, b: ReadyEntry): number {
  return a.queuedAt - b.queuedAt || a.runKey - b.runKey || a.ordinal - b.ordinal;
}
