import type { Plan } from "#core/plan.ts";
import type { PublishedEvent } from "#ports/event-log.ts";
import type { KeptAnswer } from "#ports/kept-answer.ts";
import type { Removal } from "#ports/retention-store.ts";
import type { StoredTemplate, TemplateInstance } from "#ports/template-store.ts";
import type { TaskCounts, WorkerReservation } from "#ports/worker-beat.ts";
import type { WorkerHello } from "#ports/worker-store.ts";
import type { ResourceUsage, WorkerStatus } from "#ports/worker-views.ts";
import type { StoredWait } from "#ports/wait-store.ts";
import { WakeHub } from "../wake-hub.ts";
import type { Pool } from "#ports/limit-store.ts";
import { SlotRows } from "./slot-rows.ts";
import { RunIndexes } from "./run-indexes.ts";
import type { StoredArtifact } from "./stored-artifact.ts";
import type { StoredBackfill } from "./stored-backfill.ts";
import type { StoredDag, StoredImportError, StoredVersion } from "./stored-definition.ts";
import type { StoredLog } from "./stored-log.ts";
import type { StoredSensor } from "./stored-sensor.ts";
import type { StoredRun } from "./stored-run.ts";
import type { StoredUnlistedFile } from "./stored-unlisted-file.ts";

export interface StoredWorker {
  readonly workerKey: number;
  readonly workerId: string;
  readonly incarnation: string;
  readonly startedAt: number;
  hello: WorkerHello;
  sessionNumber: number;
  status: WorkerStatus;
  statusReason: string;
  freeSlots: number;
  usage: ResourceUsage | null;
  reservedFor: WorkerReservation | null;
  counts: TaskCounts;
  lastTaskAt: number | null;
  drainReason: string | null;
  lastHeartbeatAt: number;
  leaseExpiresAt: number;
  endedAt: number | null;
}

export interface StoredLease {
  holder: string;
  epoch: number;
  expiresAt: number;
  counter: number;
}

export interface KeptWait {
  readonly wait: StoredWait;
  /** Its child goes on, or the child's end has not been looked at. */
  readonly hasOpenChild: boolean;
}

/** What a row of the outbox says; its id and time follow. */
export type NewEvent = Omit<PublishedEvent, "id" | "at" | "correlationId">;

/** The tables of the memory store, shared by its parts. Every operation on them is one synchronous step. */
export class MemoryState {
  readonly now: () => number;
  readonly wake: WakeHub;
  readonly dags = new Map<string, StoredDag>();
  readonly dagsByKey = new Map<number, StoredDag>();
  readonly versions = new Map<number, StoredVersion>();
  readonly importErrors = new Map<string, StoredImportError>();
  /** By `name@version`. */
  readonly templates = new Map<string, StoredTemplate & { readonly text: string }>();
  readonly templateInstances = new Map<string, TemplateInstance>();
  readonly runs = new Map<number, StoredRun>();
  readonly runKeys = new Map<string, number>();
  /** The run of each DAG and logical date that is not archived (G8). */
  readonly runKeysByDate = new Map<string, number>();
  readonly workers = new Map<number, StoredWorker>();
  readonly leases = new Map<string, StoredLease>();
  readonly backfills = new Map<number, StoredBackfill>();
  readonly sensors = new Map<number, StoredSensor>();
  readonly events: PublishedEvent[] = [];
  /** By caller and id. */
  readonly requests = new Map<string, KeptAnswer & { readonly createdAt: number }>();
  /** By run, and there by attempt and name. */
  readonly artifacts = new Map<number, Map<string, StoredArtifact>>();
  /** By location: when what is there is to be removed, and what came of it so far. */
  readonly unlistedFiles = new Map<string, StoredUnlistedFile>();
  /** By run, and there by attempt. */
  readonly logs = new Map<number, Map<string, StoredLog>>();
  /** By run. */
  readonly removals = new Map<number, readonly Removal[]>();
  /** By run, ordinal, generation and try. */
  readonly waits = new Map<string, KeptWait>();
  /** Runs that wait for room in their limits, by DAG. */
  readonly waitingRuns = new Map<number, Set<number>>();
  readonly pools = new Map<string, Pool>();
  readonly slots = new SlotRows(this.pools);
  readonly indexes = new RunIndexes();
  readonly #toPlan: (definition: unknown) => Plan;
  readonly #plans = new Map<number, Plan>();
  #lastKey = 0;

  constructor(options: { now: () => number; toPlan: (definition: unknown) => Plan }) {
    this.now = options.now;
    this.#toPlan = options.toPlan;
    this.wake = new WakeHub({
      onError: (error) => {
        throw error;
      },
    });
  }

  nextKey(): number {
    this.#lastKey += 1;
    return this.#lastKey;
  }

  noteUnlisted(location: string, dueAt: number): void {
    const { failureCount, failure } = this.unlistedFiles.get(location) ?? { failureCount: 0, failure: null };
    this.unlistedFiles.set(location, { dueAt, failureCount, failure });
  }

  planOf(versionKey: number): Plan {
    const known = this.#plans.get(versionKey);
    if (known !== undefined) return known;
    const version = this.versions.get(versionKey);
    if (version === undefined) throw new Error(`there is no version with key ${versionKey}`);
    const plan = this.#toPlan(version.content.definition);
    this.#plans.set(versionKey, plan);
    return plan;
  }

  /** Events get their ids at once: nothing here is seen before it is committed. */
  emit(events: readonly NewEvent[]): void {
    if (events.length === 0) return;
    for (const event of events)
      this.events.push({ ...event, id: this.events.length + 1, at: this.now(), correlationId: null });
    this.wake.notify("outbox");
    this.wake.notify("events");
  }

  leads(name: string, epoch: number): boolean {
    const lease = this.leases.get(name);
    return lease !== undefined && lease.epoch === epoch && lease.expiresAt > this.now();
  }

  findRun(runId: string): StoredRun | undefined {
    return this.runs.get(this.runKeys.get(runId) ?? -1);
  }
}

export function dateKey(dagKey: number, logicalAt: number): string {
  return `${dagKey}/${logicalAt}`;
}
