/** What a worker says of itself when a session opens. */
export interface WorkerHello {
  readonly workerId: string;
  readonly incarnation: string;
  /** The incarnation that this one follows in the same data directory; its death is certain. */
  readonly previousIncarnation: string | null;
  /** Number of the stream among those of the incarnation, from 1; an older one than the newest is refused. 0: not numbered. */
  readonly connection: number;
  readonly hostname: string;
  readonly version: string;
  readonly queues: readonly string[];
  readonly slots: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly capabilities: readonly string[];
  readonly executorId: string;
  readonly leaseMs: number;
}

export type RegisterWorkerResult =
  | { readonly kind: "registered"; readonly workerKey: number; readonly sessionNumber: number }
  /** A live worker has this id, this incarnation was declared lost, or it has opened a later stream. */
  | { readonly kind: "refused"; readonly reason: "id_in_use" | "incarnation_lost" | "older_connection" };

export interface WorkerBeat {
  readonly workerKey: number;
  readonly sessionNumber: number;
  readonly leaseMs: number;
  readonly freeSlots: number;
}

/** Workers and their leases, judged by the database clock alone. */
export interface WorkerStore {
  /** One row per incarnation; each session of it gets the next number. A predecessor of the same id is marked lost. */
  register(hello: WorkerHello): Promise<RegisterWorkerResult>;
  /** Renews leases; answers the keys that were renewed. Lost rows and older sessions refuse. */
  beat(beats: readonly WorkerBeat[]): Promise<readonly number[]>;
  /** Marks workers lost whose lease ended more than `marginMs` ago, and answers their keys. */
  markLost(marginMs: number): Promise<readonly { workerKey: number; workerId: string }[]>;
  signOff(workerKey: number, sessionNumber: number): Promise<void>;
}
