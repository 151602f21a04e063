/**
 * When each of these DAGs would have started 99 of 100 of its tasks if all were served at once, each with the same share
 * of what the system can do and the others with what the small ones leave; milliseconds. `hopsPerMs`: the whole system's.
 */
export function fairWaits(sizes: readonly number[], hopsPerMs: number): readonly number[] {
  const order = sizes.map((size, place) => ({ place, size: size * 0.99 })).toSorted((a, b) => a.size - b.size);
  const waits = sizes.map(() => 0);
  let served = 0;
  let at = 0;
  order.forEach(({ place, size }, rank) => {
    // Those that are left share alike until the smallest of them is through.
    at += ((size - served) * (order.length - rank)) / hopsPerMs;
    served = size;
    waits[place] = at;
  });
  return waits;
}
