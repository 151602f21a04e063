/** Services in the order in which they are started: each after those that it needs. */
export const serviceNames = ["parser", "scheduler", "executor", "worker", "gateway"] as const;
export type ServiceName = (typeof serviceNames)[number];

export interface ClusterOptions {
  /** How many of each; one, and two workers, unless given. */
  readonly parsers?: number;
  readonly schedulers?: number;
  readonly executors?: number;
  readonly workers?: number;
  readonly gateways?: number;
  /** Kafka nodes of its own: 0 (sessions only, the default), 1 or 3. */
  readonly brokers?: 0 | 1 | 3;
  /** Folder of everything, which is kept; a fresh temporary one that is removed at the end unless given. */
  readonly folder?: string;
  /** Folder of the definitions; `dags` in that folder unless given. */
  readonly dagsFolder?: string;
  /** For every process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** For one process; wins over `environment`, and over what the cluster itself sets. */
  readonly environmentOf?: (service: ServiceName, index: number) => Readonly<Record<string, string>>;
  /** For Node itself, e.g. `["-C", "failpoints"]`. */
  readonly nodeArguments?: readonly string[];
  /** The launcher of one process, of another release for instance; the checkout's for null. Asked at each start. */
  readonly programOf?: (service: ServiceName, index: number) => string | null;
  /** Where a process finds the database, given where it is: a proxy, for instance. Asked at each start. */
  readonly databaseUrl?: (real: string, service: ServiceName, index: number) => string;
  /** Where a process finds the brokers, given where they are. Asked at each start. */
  readonly kafkaBrokers?: (real: readonly string[], service: ServiceName, index: number) => readonly string[];
  /** Where a process finds the executors, given where they are. Asked at each start. */
  readonly executorUrls?: (real: readonly string[], service: ServiceName, index: number) => readonly string[];
  readonly ports?: { readonly gateway?: number };
  /** Told what starts and stops. */
  readonly onProgress?: (line: string) => void;
  /** Aborted while the cluster starts: what has started is stopped, and the start rejects. */
  readonly signal?: AbortSignal;
}

const defaultCounts: Readonly<Record<ServiceName, number>> = {
  parser: 1,
  scheduler: 1,
  executor: 1,
  worker: 2,
  gateway: 1,
};

export function countOf(service: ServiceName, options: ClusterOptions): number {
  return options[`${service}s`] ?? defaultCounts[service];
}
