/** What an attempt asks of its worker, and what a worker has. Whole numbers, so that sums are exact. */
export interface ResourceAmounts {
  /** Thousandths of a processor. */
  readonly milliCpus: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly gpus: number;
}

export type ResourceName = keyof ResourceAmounts;

export const resourceNames: readonly ResourceName[] = ["milliCpus", "memoryBytes", "diskBytes", "gpus"];

export const noResources: ResourceAmounts = { milliCpus: 0, memoryBytes: 0, diskBytes: 0, gpus: 0 };

/** Of which resources there is too little. */
export function shortagesOf(wanted: ResourceAmounts, room: ResourceAmounts): readonly ResourceName[] {
  return resourceNames.filter((name) => wanted[name] > room[name]);
}

export function hasRoom(room: ResourceAmounts, wanted: ResourceAmounts): boolean {
  return shortagesOf(wanted, room).length === 0;
}

/** What is left of `total`; below 0 where more was taken than there is. */
export function roomLeft(total: ResourceAmounts, taken: readonly ResourceAmounts[]): ResourceAmounts {
  const left = (name: ResourceName): number => taken.reduce((rest, amounts) => rest - amounts[name], total[name]);
  return {
    milliCpus: left("milliCpus"),
    memoryBytes: left("memoryBytes"),
    diskBytes: left("diskBytes"),
    gpus: left("gpus"),
  };
}

/** The rooms that no other one covers: what fits into any of the given fits into one of these. */
export function largestRooms(rooms: readonly ResourceAmounts[]): readonly ResourceAmounts[] {
  const largest: ResourceAmounts[] = [];
  for (const room of rooms) {
    if (largest.some((other) => hasRoom(other, room))) continue;
    const kept = largest.filter((other) => !hasRoom(room, other));
    largest.splice(0, largest.length, ...kept, room);
  }
  return largest;
}
