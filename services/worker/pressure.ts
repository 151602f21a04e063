/** Shares of a machine in use, 0 to 100. */
export interface ResourceUsage {
  readonly cpuPercent: number;
  readonly memoryPercent: number;
  /** Of the file system that holds the worker's data directory. */
  readonly diskPercent: number;
}

/** How full the machine was at the last measures, one for each heartbeat. */
export interface Pressure {
  /** Null before the first measure. */
  readonly usage: ResourceUsage | null;
  /** Measures in a row at which each was full. */
  readonly fullFor: ResourceUsage;
  /** What is full until it falls below the lower limit. */
  readonly full: readonly Resource[];
}

/** Why a worker takes no new work. */
export interface Strain {
  readonly reason: string;
  /** It yields to other workers, and goes on where there are none. */
  readonly yields: boolean;
}

type Resource = keyof ResourceUsage;

const fullPercent = 95;
const freePercent = 90;
const measuresUntilFull = 2;

const names: Readonly<Record<Resource, string>> = {
  cpuPercent: "cpu",
  memoryPercent: "memory",
  diskPercent: "disk",
};
const resources: readonly Resource[] = ["cpuPercent", "memoryPercent", "diskPercent"];

export const noPressure: Pressure = {
  usage: null,
  fullFor: { cpuPercent: 0, memoryPercent: 0, diskPercent: 0 },
  full: [],
};

export function isFull(percent: number): boolean {
  return percent >= fullPercent;
}

/** A resource is full at two measures in a row of 95 % and more, and free again below 90 %. */
export function nextPressure(before: Pressure, usage: ResourceUsage): Pressure {
  const count = (resource: Resource): number => (isFull(usage[resource]) ? before.fullFor[resource] + 1 : 0);
  const fullFor = {
    cpuPercent: count("cpuPercent"),
    memoryPercent: count("memoryPercent"),
    diskPercent: count("diskPercent"),
  };
  const full = resources.filter(
    (resource) =>
      fullFor[resource] >= measuresUntilFull || (before.full.includes(resource) && usage[resource] >= freePercent),
  );
  return { usage, fullFor, full };
}

/**
 * Null: nothing is full. A full disk or memory would harm whatever came; a busy cpu only makes it slow, and work that
 * waits for ever is worse than slow work: it yields.
 */
export function pressureStrain({ usage, full }: Pressure): Strain | null {
  if (usage === null || full.length === 0) return null;
  const reason = full.map((resource) => `${names[resource]} at ${Math.round(usage[resource])} %`).join(", ");
  return { reason, yields: full.every((resource) => resource === "cpuPercent") };
}
