/** What the processes of one attempt may use together; null: as much as the host has. */
export interface AttemptLimits {
  /** Processors; 0.5 is half of one. */
  readonly cpus: number | null;
  readonly memoryBytes: number | null;
  /** Of the attempt's own directories. */
  readonly diskBytes: number | null;
  /** Where the kernel counts, threads count too. */
  readonly processes: number;
}

/** Every attempt has this limit, so that one that forks for ever ends alone. */
const maxProcesses = 4096;

/** What an attempt whose task says nothing gets. */
export const noLimits: AttemptLimits = { cpus: null, memoryBytes: null, diskBytes: null, processes: maxProcesses };

/** What the processes of an attempt used together, as far as the host tells; null: it does not. */
export interface AttemptUsage {
  /** Time on processors. */
  readonly cpuMs: number | null;
  /** The most memory at one time. */
  readonly memoryPeakBytes: number | null;
}

/** What they use now, as far as the host tells. */
export interface UsageNow extends AttemptUsage {
  readonly memoryBytes: number | null;
  /** Where the kernel counts, threads count too. */
  readonly processes: number | null;
}

export const unknownUsage: AttemptUsage = { cpuMs: null, memoryPeakBytes: null };
