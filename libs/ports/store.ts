import type { DefinitionStore } from "./definition-store.ts";
import type { EventLog } from "./event-log.ts";
import type { LeaseStore } from "./lease-store.ts";
import type { LogStore } from "./log-store.ts";
import type { Queries } from "./queries.ts";
import type { RunStore } from "./run-store.ts";
import type { Wake } from "./wake.ts";
import type { WorkerStore } from "./worker-store.ts";

/** All state of the system behind one port; memory and PostgreSQL pass one contract suite. */
export interface Store {
  readonly definitions: DefinitionStore;
  readonly runs: RunStore;
  readonly workers: WorkerStore;
  readonly leases: LeaseStore;
  readonly events: EventLog;
  readonly logs: LogStore;
  readonly queries: Queries;
  readonly wake: Wake;
  /** The store's clock, in milliseconds since 1970: what due times and leases are judged by. An estimate between round trips. */
  now(): number;
  close(): Promise<void>;
}
