import type { RandomStream } from "#simulation/world/random.ts";
import type { DatabaseFacts } from "../check/read-facts.ts";
import type { LedgerDag } from "../ledger/ledger-dag.ts";
import type { LedgerLine } from "../ledger/read-ledger.ts";
import type { ChaosCluster } from "./chaos-cluster.ts";
import type { GatewayClient } from "./gateway-client.ts";
import type { SetupName } from "./setups.ts";

/** `short` runs in `npm test`, `long` in `npm run bench -- chaos`. */
export type Form = "short" | "long";

export interface Load {
  readonly dags: readonly LedgerDag[];
  readonly runs: number;
  /** Each request is made twice at the same moment, as by a client that gave up waiting too soon. */
  readonly doublesRequests?: true;
}

/** What a schedule of faults works with. */
export interface Stage {
  readonly cluster: ChaosCluster;
  readonly random: RandomStream;
  readonly form: Form;
  /** Aborted when the time of faults is over. */
  readonly over: AbortSignal;
  /** Resolves after so many milliseconds, or at once when the time of faults is over. */
  readonly pause: (ms: number) => Promise<void>;
  /** Triggers a run besides those of the load; resolves when it is acknowledged. */
  readonly trigger: () => Promise<void>;
  /** One more fault of this kind was made. */
  readonly count: (fault: string) => void;
}

/** A set of faults as data: what runs, what breaks it, and what must hold. */
export interface Scenario {
  readonly setup: SetupName;
  /** As in the table of docs/operations/faults.md. */
  readonly id: string;
  readonly title: string;
  /** The time of faults in the short form; the long one's is chosen on the command line. */
  readonly shortMs: number;
  readonly load: (random: RandomStream, form: Form, minutes: number) => Load;
  /** Makes faults until the stage is over; what it leaves broken is healed after it. */
  readonly fault: (stage: Stage) => Promise<void>;
  /** What must hold besides the invariants; sentences. */
  readonly check?: (after: AfterFaults) => readonly string[] | Promise<readonly string[]>;
  /** Whether faults freeze workers with all that they run. */
  readonly freezesHosts?: boolean;
}

export interface AfterFaults {
  readonly cluster: ChaosCluster;
  readonly client: GatewayClient;
  readonly dags: readonly LedgerDag[];
  readonly ledger: readonly LedgerLine[];
  readonly facts: DatabaseFacts;
  /** As they were before the scenario began. */
  readonly before: DatabaseFacts;
  readonly recoveryMs: number;
  /** How many were made of each kind. */
  readonly faults: Readonly<Record<string, number>>;
  /** What all processes logged since the scenario began. */
  readonly log: string;
}

export interface ScenarioResult {
  readonly id: string;
  readonly title: string;
  readonly seed: number;
  readonly runs: number;
  readonly attempts: number;
  /** Attempts that were lost with a worker. */
  readonly lost: number;
  readonly faults: Readonly<Record<string, number>>;
  /** Requests that a client had to repeat. */
  readonly retries: number;
  /** From the healing to the end of the last run. */
  readonly recoveryMs: number;
  readonly violations: readonly string[];
  /** Folder with what was found, logs, ledger and rows; null when nothing was violated. */
  readonly evidence: string | null;
}
