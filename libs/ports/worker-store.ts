import type { ResourceAmounts } from "#core/resource-amounts.ts";
import type { RenewedLease, TaskCounts, WorkerBeat, WorkerTally } from "./worker-beat.ts";

/** What a worker says of itself when a session opens. */
export interface WorkerHello {
  readonly workerId: string;
  readonly incarnation: string;
  /** The incarnations that this one follows in the same data directory; their death is certain. */
  readonly predecessors: readonly string[];
  /** Ended attempts of predecessors whose outcome this incarnation has. */
  readonly outcomes: readonly KeptOutcome[];
  /** Number of the stream among those of the incarnation, from 1; an older one than the newest is refused. 0: not numbered. */
  readonly connection: number;
  readonly hostname: string;
  readonly version: string;
  readonly queues: readonly string[];
  readonly slots: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Operator types that it runs. */
  readonly capabilities: readonly string[];
  /** What its host can do beyond running a process: kinds of isolation. */
  readonly hostCapabilities: readonly string[];
  /** What its attempts may ask for together. */
  readonly resources: ResourceAmounts;
  readonly executorId: string;
  readonly leaseMs: number;
}

/** Names the attempt of an outcome; `fence` is the one of its claim. */
export interface KeptOutcome {
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number | null;
  readonly fence: number;
}

export interface RegisteredWorker {
  readonly workerKey: number;
  readonly sessionNumber: number;
  /** What its row has counted so far: a session counts on from there. */
  readonly counts: TaskCounts;
  /** Why it is to drain; null: it is not. */
  readonly drainReason: string | null;
}

export type RegisterWorkerResult =
  | ({ readonly kind: "registered" } & RegisteredWorker)
  /** A live worker has this id, this incarnation was declared lost, or it has opened a later stream. */
  | { readonly kind: "refused"; readonly reason: "id_in_use" | "incarnation_lost" | "older_connection" };

/** Workers and their leases, judged by the database clock alone. */
export interface WorkerStore {
  /**
   * One row per incarnation; each session of it gets the next number. A predecessor of the same id is marked lost, and in
   * the same transaction the attempts that it still holds, and whose outcome the new one has, become the new one's: nobody
   * can give them up meanwhile, and nobody else can report them (G3). Others of the predecessor's are left to the reaper.
   */
  register(hello: WorkerHello): Promise<RegisterWorkerResult>;
  /** What it had is settled: it may take work. Does nothing to lost rows and older sessions. */
  admit(workerKey: number, sessionNumber: number): Promise<void>;
  /** Renews leases; answers those that were renewed. Lost rows and older sessions refuse. */
  beat(beats: readonly WorkerBeat[]): Promise<readonly RenewedLease[]>;
  /** Notes that workers which have not renewed their lease for so long are degraded; their next beat says otherwise. */
  markSilent(silentMs: number): Promise<void>;
  /** Asks the living incarnation of a worker to drain, for good; answers its key, null when there is none. */
  requestDrain(workerId: string, reason: string): Promise<number | null>;
  /** Null: nobody asked, or there is no such worker in service. */
  readDrainReason(workerKey: number): Promise<string | null>;
  /** Marks workers lost whose lease ended more than `marginMs` ago, and answers their keys. */
  markLost(marginMs: number): Promise<readonly { workerKey: number; workerId: string }[]>;
  /** Without a tally what was counted stays. */
  signOff(workerKey: number, sessionNumber: number, tally?: WorkerTally): Promise<void>;
}
