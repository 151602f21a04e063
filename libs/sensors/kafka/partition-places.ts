import type { PartitionRange } from "#bus/kafka/topic-reader.ts";
import type { SensorState } from "#ports/sensor-firing.ts";

/** Where to read a partition on, and where it ends for now. */
export interface PartitionPlace {
  readonly partition: number;
  readonly offset: number;
  readonly end: number;
}

/** Messages of a partition that were gone, or may have been, before they were read. */
export interface LostMessages {
  readonly partition: number;
  /** In words. */
  readonly what: string;
}

/**
 * Where to go on by what is remembered: the next offset of each partition. A partition that is new begins at its
 * beginning, and so does one that no longer has what comes next. One that ends before it goes on at its end: an unclean
 * election may have cut its log, of which what is left was read already. A topic that was made anew under its name looks
 * the same, and no message may count twice. Partitions that are not told of stay remembered: a broker may not know of
 * them yet.
 */
export function findPlaces(
  state: SensorState,
  ranges: readonly PartitionRange[],
): { readonly places: readonly PartitionPlace[]; readonly lost: readonly LostMessages[] } {
  const lost: LostMessages[] = [];
  const places = ranges.map(({ partition, first, end }) => {
    const remembered = Number(state.get(itemOf(partition)) ?? first);
    const what = whatIsLost(remembered, { first, end });
    if (what !== null) lost.push({ partition, what });
    return { partition, offset: Math.min(Math.max(remembered, first), end), end };
  });
  return { places, lost };
}

/** What a sensor remembers of partitions. */
export function rememberPlaces(
  places: Iterable<{ readonly partition: number; readonly offset: number }>,
): ReadonlyMap<string, number> {
  return new Map([...places].map(({ partition, offset }) => [itemOf(partition), offset]));
}

function itemOf(partition: number): string {
  return String(partition);
}

/** Null: nothing is. */
function whatIsLost(remembered: number, { first, end }: Pick<PartitionRange, "first" | "end">): string | null {
  if (remembered < first) {
    const range = remembered === first - 1 ? `offset ${remembered}` : `offsets ${remembered} to ${first - 1}`;
    return `${range} went before the sensor read them; it goes on at ${first}`;
  }
  if (remembered > end) {
    return `its log was cut, or the topic made anew: it ends at ${end} though ${remembered} was reached; the sensor goes on at ${end}`;
  }
  return null;
}
