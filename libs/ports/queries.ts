import type { RunState, TaskState } from "#core/states.ts";
import type { DagView, ImportErrorView } from "./dag-views.ts";
import type { ExplainAbout, ExplanationFacts } from "./explanation-facts.ts";
import type { AttemptView, InstanceView, OutputBeginning, OutputView, RunView } from "./run-views.ts";
import type { VersionQueries } from "./version-views.ts";
import type { WorkerQueries } from "./worker-views.ts";

/** A page request: `cursor` is opaque and from the page before; `limit` 1…100 (the gateway has checked it). */
export interface PageRequest {
  readonly limit: number;
  readonly cursor: string | null;
  /** A field name, `-` before it for descending; null for the list's own order. Ties go by key. */
  readonly sort: string | null;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
  readonly totalCount: number;
}

/** What must hold of the instances of a list; null and no states: anything. */
export interface InstanceFilter {
  readonly runId: string | null;
  readonly dagId: string | null;
  readonly states: readonly TaskState[];
  /** Only attempts that run, and began longer ago by the store's clock. */
  readonly runningLongerThanMs: number | null;
}

/** Reads for people: never the base of a decision. */
export interface Queries extends WorkerQueries, VersionQueries {
  listDags(page: PageRequest, filter: { isActive: boolean | null; text: string | null }): Promise<Page<DagView>>;
  getDag(dagId: string): Promise<DagView | null>;
  listImportErrors(page: PageRequest): Promise<Page<ImportErrorView>>;
  listRuns(page: PageRequest, filter: { dagId: string | null; states: readonly RunState[] }): Promise<Page<RunView>>;
  getRun(runId: string): Promise<RunView | null>;
  latestRunId(dagId: string): Promise<string | null>;
  /** Of these runs the ids of those that are there and have no `end_date`. */
  listUnended(runIds: readonly string[]): Promise<readonly string[]>;
  listInstances(page: PageRequest, filter: InstanceFilter): Promise<Page<InstanceView>>;
  getInstance(instanceId: string): Promise<InstanceView | null>;
  listAttempts(runKey: number, ordinal: number): Promise<readonly AttemptView[]>;
  /** Why a run waits, or one instance of it. Null: there is no such run. */
  explain(runId: string, about: ExplainAbout): Promise<ExplanationFacts | null>;
  listOutputs(runId: string, taskId: string | null): Promise<readonly OutputView[]>;
  /** The first `limit` outputs of one instance by key, at most `characters` of each: no whole value is read into memory. */
  listOutputBeginnings(
    instance: Pick<InstanceView, "runKey" | "ordinal">,
    options: { characters: number; limit: number },
  ): Promise<readonly OutputBeginning[]>;
  ping(): Promise<void>;
}
