/** What the order begins with. */
export interface Urgency {
  readonly priority: number;
  readonly dagPriority: number;
}

/**
 * Puts the oldest of what is picked at their places among the others, which are in order; with fewer others than that,
 * behind them. One that the order has before its place stays there: nothing goes behind what is less urgent for being old.
 */
export function placeOldest<T extends Urgency>(
  oldest: readonly T[],
  others: readonly T[],
  places: readonly number[],
): readonly T[] {
  const all = [...others];
  const moved: { readonly one: T; readonly place: number }[] = [];
  oldest.forEach((one, index) => {
    const place = places[index] ?? Number.POSITIVE_INFINITY;
    const before = all.findIndex((other) => compareUrgency(one, other) < 0);
    if (before >= 0 && before < place) all.splice(before, 0, one);
    else moved.push({ one, place });
  });
  for (const { one, place } of moved) all.splice(place, 0, one);
  return all;
}

/** Negative when `a` is the more urgent one. */
export function compareUrgency(a: Urgency, b: Urgency): number {
  return b.priority - a.priority || b.dagPriority - a.dagPriority;
}
