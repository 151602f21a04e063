import type { ArtifactCatalog } from "./artifact-catalog.ts";
import type { BreakerStatus } from "./breaker-status.ts";
import type { BackfillStore } from "./backfill-store.ts";
import type { ConsistencyStore } from "./consistency-store.ts";
import type { DeadLetterStore } from "./dead-letter-store.ts";
import type { DefinitionStore } from "./definition-store.ts";
import type { EventLog } from "./event-log.ts";
import type { LeaseStore } from "./lease-store.ts";
import type { LimitStore } from "./limit-store.ts";
import type { LogStore } from "./log-store.ts";
import type { Queries } from "./queries.ts";
import type { RetentionStore } from "./retention-store.ts";
import type { RunStore } from "./run-store.ts";
import type { SensorStore } from "./sensor-store.ts";
import type { TemplateStore } from "./template-store.ts";
import type { WaitStore } from "./wait-store.ts";
import type { Wake } from "./wake.ts";
import type { WorkerStore } from "./worker-store.ts";

/** All state of the system behind one port; memory and PostgreSQL pass one contract suite. */
export interface Store {
  readonly definitions: DefinitionStore;
  readonly templates: TemplateStore;
  readonly runs: RunStore;
  readonly workers: WorkerStore;
  readonly leases: LeaseStore;
  readonly backfills: BackfillStore;
  readonly sensors: SensorStore;
  readonly events: EventLog;
  readonly limits: LimitStore;
  readonly logs: LogStore;
  readonly artifacts: ArtifactCatalog;
  readonly deadLetters: DeadLetterStore;
  readonly queries: Queries;
  readonly consistency: ConsistencyStore;
  readonly waits: WaitStore;
  readonly retention: RetentionStore;
  readonly wake: Wake;
  /** What guards this process against a database in trouble; none where there is nothing between. */
  readonly breakers: readonly BreakerStatus[];
  /** The store's clock, in milliseconds since 1970: what due times and leases are judged by. An estimate between round trips. */
  now(): number;
  close(): Promise<void>;
}
