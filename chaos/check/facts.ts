import type { LedgerDag } from "../ledger/ledger-dag.ts";
import type { LedgerLine } from "../ledger/read-ledger.ts";

/** An instance as the database has it. */
export interface InstanceFacts {
  readonly taskId: string;
  readonly ordinal: number;
  readonly state: string;
  readonly generation: number;
  readonly tryNumber: number;
  readonly fence: number;
  readonly isHeld: boolean;
  readonly inDegree: number;
  readonly parentsSuccess: number;
  readonly parentsFailed: number;
  readonly parentsUpstreamFailed: number;
  readonly parentsSkipped: number;
}

/** Times in milliseconds by the database clock. */
export interface AttemptFacts {
  readonly taskId: string;
  readonly generation: number;
  readonly tryNumber: number;
  readonly fence: number;
  readonly state: string;
  readonly errorCode: string | null;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly releasedAt: number | null;
}

/** In the order of the run's own sequence. */
export interface EventFacts {
  readonly sequence: number;
  readonly eventId: number | null;
  readonly type: string;
  readonly taskId: string | null;
}

export interface RunFacts {
  readonly runId: string;
  readonly dagId: string;
  readonly state: string;
  readonly hasEnded: boolean;
  readonly logicalAt: number;
  /** When it was made. */
  readonly queuedAt: number;
  readonly heldCount: number;
  readonly eventSequence: number;
  /** How many instances the row counts in each state. */
  readonly counts: Readonly<Record<string, number>>;
  readonly instances: readonly InstanceFacts[];
  readonly attempts: readonly AttemptFacts[];
  readonly events: readonly EventFacts[];
}

/** A run as the gateway shows it. */
export interface ShownRun {
  readonly runId: string;
  readonly state: string;
  readonly hasEnded: boolean;
  readonly states: ReadonlyMap<string, string>;
}

/** Everything that is compared, gathered when all faults are healed and the time to recover has passed. */
export interface SystemFacts {
  readonly dags: readonly LedgerDag[];
  readonly ledger: readonly LedgerLine[];
  readonly runs: readonly RunFacts[];
  readonly shown: readonly ShownRun[];
  /** Run ids that a client was given, by the id of its request. */
  readonly acknowledged: ReadonlyMap<string, string>;
  /** Requests of which the client never heard the end: each made one run or none. */
  readonly unanswered: number;
  /** Ids of all published events, in order. */
  readonly eventIds: readonly number[];
  readonly unpublishedEvents: number;
  /** Rows of slots that name a holder. */
  readonly takenSlots: number;
  /** Workers were frozen with all their processes: then an old attempt may live until it thaws (G4). */
  readonly hasFrozenHosts: boolean;
}
