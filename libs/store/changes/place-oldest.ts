/** Puts the oldest of what is picked at their places among the others; with fewer others than that, behind them. */
export function placeOldest<T>(oldest: readonly T[], others: readonly T[], places: readonly number[]): readonly T[] {
  const all = [...others];
  oldest.forEach((one, index) => all.splice(places[index] ?? all.length, 0, one));
  return all;
}
