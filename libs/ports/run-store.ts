import type { Decision } from "#core/decision.ts";
import type { WorkerTraits } from "#core/placement.ts";
import type { Plan } from "#core/plan.ts";
import type { ResourceAmounts } from "#core/resource-amounts.ts";
import type { RunAggregate } from "#core/run-model.ts";
import type { KeptAnswer, RequestName } from "./kept-answer.ts";
import type { NewLogChunk } from "./log-store.ts";
import type { CreateRunResult, NewRun, RunType } from "./new-run.ts";
import type { PickedInstances, QueuedInstance, StampedInstance } from "./queued-instance.ts";

/** What to do to one run: a pure function of it, called again when the run has changed meanwhile. Null: nothing. */
export interface RunChange {
  readonly runKey: number;
  readonly decide: (run: RunAggregate, found: WriteFindings) => Decision | null;
  /** Answers to requests that are kept with the decision. One whose id is taken ends the write: IDEMPOTENCY_CONFLICT. */
  readonly answers?: (decision: Decision) => readonly KeptAnswer[];
  /** Logs that are written with the decision, each the first chunk of its attempt; left alone where there is one. */
  readonly logs?: (decision: Decision) => readonly NewLogChunk[];
}

/** What an earlier try of the write has found. */
export interface WriteFindings {
  /** A limit had no room for what was decided: decide nothing that needs any. */
  readonly lacksRoom: boolean;
}

export type RunChangeResult =
  | { readonly kind: "applied"; readonly run: RunAggregate; readonly decision: Decision }
  | { readonly kind: "unchanged"; readonly run: RunAggregate; readonly lacksRoom: boolean }
  /** Another executor holds the run: try again on the next turn. */
  | { readonly kind: "busy" }
  | { readonly kind: "missing" };

/** Something whose time has come by the database clock. */
export interface DueInstance {
  readonly runKey: number;
  /** Null: the run itself. */
  readonly ordinal: number | null;
  readonly fence: number;
  readonly what: "retry" | "queue_timeout" | "retry_timeout" | "run_timeout" | "deadline";
}

/** An attempt that a worker row is responsible for; `fence` is the one of its claim. */
export interface HeldAttempt {
  readonly runKey: number;
  readonly ordinal: number;
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number | null;
  readonly fence: number;
  readonly workerKey: number;
  readonly isRunning: boolean;
  /** Present: what it takes of its worker. */
  readonly requests?: ResourceAmounts;
}

/** What the claim of an attempt needs beside the plan. */
export interface RunFacts {
  readonly runKey: number;
  readonly runId: string;
  readonly dagId: string;
  readonly versionKey: number;
  /** Of the run, for which version and parameters hold. */
  readonly revision: number;
  readonly runType: RunType;
  readonly logicalAt: number;
  readonly intervalStartAt: number;
  readonly intervalEndAt: number;
  readonly startedAt: number | null;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly traceparent: string | null;
}

/** The one door for changes of runs and instances. Every promise resolves after COMMIT (G1). */
export interface RunStore {
  createRun(run: NewRun): Promise<CreateRunResult>;
  /**
   * Decides and writes several runs in one transaction, guarded by each run's sequence and each instance's state and
   * fence. One result per change, in order. Two changes of one run in a batch are not allowed.
   */
  changeRuns(changes: readonly RunChange[]): Promise<readonly RunChangeResult[]>;
  findRunKey(runId: string): Promise<number | null>;
  /** What a request was answered within the last day; null: it was not. */
  findAnswer(request: RequestName): Promise<KeptAnswer | null>;
  /** Keeps what a request was answered that changed nothing. Answers what is kept: this, or what came before it. */
  keepAnswer(answer: KeptAnswer): Promise<KeptAnswer>;
  readPlan(versionKey: number): Promise<Plan>;
  readFacts(runKeys: readonly number[]): Promise<readonly RunFacts[]>;
  /**
   * Queued, not held, due, of unpaused runs, with room in their limits. By task priority, DAG priority, the DAG with the fewest attempts out (those picked
   * before it counted, G14), age; but at the places `oldestAt`, rising from 0, the oldest of all, so that nothing waits for ever (I7). What was
   * stamped less than `redispatchAfterMs` ago is left out.
   */
  pickQueued(options: {
    queues: readonly string[];
    backends: readonly (string | null)[];
    limit: number;
    oldestAt?: readonly number[];
    redispatchAfterMs?: number;
    /** Of the workers that it is for; absent: any. */
    traits?: WorkerTraits;
    /** What the workers have free: what asks for more than each of them has is left out. Absent: nothing is. */
    rooms?: readonly ResourceAmounts[];
    /** Only what asks for resources and was queued so long ago; absent: anything. */
    askedMs?: number;
  }): Promise<PickedInstances>;
  /** Runs that wait for room in their limits and might find some now, each DAG's most urgent first. */
  listAdmissible(limit: number): Promise<readonly number[]>;
  /**
   * Notes, by the database clock, that tickets of these are about to be published (G2). Answers those that it stamped:
   * still queued in this generation and try, and not stamped less than `redispatchAfterMs` ago. Changes no fence.
   */
  stampDispatched(instances: readonly QueuedInstance[], redispatchAfterMs: number): Promise<readonly StampedInstance[]>;
  /** Takes the stamps back: they may be picked at once. What has changed since is left alone. */
  clearDispatched(instances: readonly QueuedInstance[]): Promise<void>;
  listDue(limit: number): Promise<readonly DueInstance[]>;
  /** Milliseconds until the next thing is due, by the database clock; null when nothing waits for a time. */
  nextDueInMs(): Promise<number | null>;
  /** Attempts whose worker row is lost, stopped or replaced. */
  listHeldByLostWorkers(limit: number): Promise<readonly HeldAttempt[]>;
  listHeldByWorker(workerKey: number): Promise<readonly HeldAttempt[]>;
  /** Instances that wait for evaluation, for the repair scan. */
  listAwaitingEvaluation(limit: number): Promise<readonly QueuedInstance[]>;
  /** Outputs by ordinal and key, of the present generation. */
  readOutputs(
    runKey: number,
    ordinals: readonly number[],
  ): Promise<readonly { ordinal: number; key: string; json: string }[]>;
}
