/**
 * What became of a time that the rule names: it did not exist and was moved (`gap`), the wall shows it twice
 * (`overlap`), or its day does not exist in that month and the last day stands in (`clamped`).
 */
export type FireNote = "gap" | "overlap" | "clamped";

/** An instant at which a schedule fires, in milliseconds since 1970. */
export interface FireTime {
  readonly at: number;
  readonly note: FireNote | null;
}

/** Fire times of several rules as one ascending list, each instant once. Each source ascends and is read no further than needed. */
export function* mergeFireTimes(sources: readonly Iterable<FireTime>[]): Generator<FireTime, void, undefined> {
  let heads = sources.flatMap((source) => openHead(source[Symbol.iterator]()));
  while (heads.length > 0) {
    const at = Math.min(...heads.map(({ next }) => next.at));
    const met = heads.filter(({ next }) => next.at === at);
    const note = met.map(({ next }) => next.note).find((each) => each !== null) ?? null;
    yield { at, note };
    heads = heads.flatMap((head) => (head.next.at === at ? openHead(head.rest) : [head]));
  }
}

interface Head {
  readonly next: FireTime;
  readonly rest: Iterator<FireTime>;
}

/** A source with its next time; nothing when there is none. */
function openHead(rest: Iterator<FireTime>): readonly Head[] {
  const first = rest.next();
  return first.done === true ? [] : [{ next: first.value, rest }];
}
