import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Decision, StopRequest } from "#core/decision.ts";
import type { ResourceAmounts } from "#core/resource-amounts.ts";
import type { Instance, RunAggregate } from "#core/run-model.ts";
import { AppError, describeError } from "#errors/app-error.ts";
import { failpoint } from "#failpoints/failpoint.ts";
import { AttemptRefSchema, StopOrderSchema } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { Clock } from "#ports/clock.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import type { Assignments } from "../dispatch/assignments.ts";
import { attemptRefOf } from "../sessions/attempt-ref.ts";
import { earliestWaitInMs } from "../waits/earliest-wait.ts";
import type { HeldAttempt } from "../sessions/held-attempt.ts";
import type { WorkerSession } from "../sessions/session.ts";
import type { SessionRegistry } from "../sessions/session-registry.ts";
import { earliestDueInMs, openedAttempts, type Submission, type SubmissionResult } from "./turn.ts";

/** After a read that an assignment needed has failed; heartbeats that leave the attempt out twice end the tries. */
const rebuildDelayMs = 200;

export interface RunEffectsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly sessions: SessionRegistry;
  readonly assignments: Assignments;
  readonly logger: Logger;
  readonly submit: (submission: Submission) => Promise<SubmissionResult>;
  /** Called when a worker has a slot that it had not. */
  readonly slotsFreed: () => void;
  /** Offers what a commit made ready; false: it was not, and waits for a look of the dispatcher's. */
  readonly offerReady: (decision: Decision) => boolean;
  /** A time was set that must be looked at in so many milliseconds. */
  readonly dueIn: (ms: number) => void;
  /** Something that waits without a worker must be looked at in so many milliseconds. */
  readonly waitIn: (ms: number) => void;
}

/** What follows a commit: assignments and stop orders to workers, evaluations, wakes. Lost effects are found by the scans. */
export class RunEffects {
  readonly #options: RunEffectsOptions;

  constructor(options: RunEffectsOptions) {
    this.#options = options;
  }

  perform(run: RunAggregate, decision: Decision): void {
    const { sessions, store } = this.#options;
    for (const { workerKey, fence, instance, isWanted } of openedAttempts(decision, run)) {
      const session = sessions.get(workerKey);
      if (!isWanted) this.#releaseUnsent(run, instance.ordinal, fence);
      else if (session !== undefined) this.assign(session, run, instance);
    }
    for (const stop of decision.stops) this.#stop(run, stop);
    for (const ordinal of decision.evaluateOrdinals) void this.evaluate(run, ordinal);
    const dueInMs = earliestDueInMs(decision, store.now());
    if (dueInMs !== null) this.#options.dueIn(dueInMs);
    const waitInMs = earliestWaitInMs(decision, store.now());
    if (waitInMs !== null) this.#options.waitIn(waitInMs);
    const isOffered = decision.readyOrdinals.length === 0 || this.#options.offerReady(decision);
    if (!isOffered) store.wake.notify("queued");
  }

  /**
   * What the run as it is calls for, for when a commit had no answer and nobody knows what it made. Without it a claim
   * that went through would hold a slot that is counted as free until the repair scan finds it.
   */
  recover(run: RunAggregate): void {
    const { sessions, store } = this.#options;
    for (const instance of run.instances) {
      const { ordinal, workerKey } = instance;
      if (instance.awaitsEvaluation) void this.evaluate(run, ordinal);
      const session = instance.held && workerKey !== null ? sessions.get(workerKey) : undefined;
      if (session === undefined) continue;
      const held = session.findByPlace(run.run.runKey, ordinal);
      if (instance.state !== "running") {
        if (held !== undefined && !held.isStopping) sendStop(session, held, "ended", taskGraceMs(run, instance));
      } else if (Number(held?.ref.fence) !== instance.heldFence) this.assign(session, run, instance);
    }
    this.#options.dueIn(0);
    this.#options.waitIn(0);
    // What the store tells after a commit was not told either.
    for (const topic of ["queued", "room", "outbox"] as const) store.wake.notify(topic);
    if (run.run.endedAt !== null) store.wake.notify("ended", run.run.runId);
  }

  /** Sends an attempt that this worker has claimed, or sends it again; one that can't be rendered settles as failed. */
  assign(session: WorkerSession, run: RunAggregate, instance: Instance): void {
    failpoint("assignment.before");
    const ref = attemptRefOf(run, instance);
    this.#send(
      session,
      session.find(ref) ?? session.hold(run.run.runKey, instance.ordinal, ref, requestsOf(run, instance)),
      run,
      instance,
    );
  }

  #send(session: WorkerSession, held: HeldAttempt, run: RunAggregate, instance: Instance): void {
    const failed = (error: unknown): void => {
      if (!(error instanceof AppError) || !error.retryable) {
        void this.#failUnrendered(session, held, error);
        return;
      }
      const fields = { error: error.message, task_id: held.ref.taskId, dag_run_id: held.ref.dagRunId };
      this.#options.logger.warn(fields, "an assignment could not be built yet; it is tried again");
      this.#options.clock.after(rebuildDelayMs, () => {
        const isWanted = session.find(held.ref) === held && !held.isStopping && !session.outgoing.isClosed;
        if (isWanted) this.#send(session, held, run, instance);
      });
    };
    try {
      const assignment = this.#options.assignments.build(run, instance);
      if (assignment instanceof Promise) assignment.then((built) => session.assign(built), failed);
      else session.assign(assignment);
    } catch (error) {
      failed(error);
    }
  }

  /** Looks at `when` and `for_each` of a ready task. */
  async evaluate(run: RunAggregate, ordinal: number): Promise<void> {
    const instance = run.instances[ordinal];
    if (instance === undefined) return;
    const { submit, logger, assignments } = this.#options;
    try {
      await submit(evaluated(run, instance, await assignments.evaluate(run, instance)));
    } catch (error) {
      if (!(error instanceof AppError) || error.retryable) {
        logger.warn(
          { error: describeError(error), dag_run_id: run.run.runId },
          "a condition was not evaluated; the repair scan tries again",
        );
        return;
      }
      await submit(
        evaluated(run, instance, { kind: "fail", errorCode: "render_failed", errorMessage: error.message }),
      ).catch(() => undefined);
    }
  }

  /** Nobody has it: what held its slots for it need not wait for a worker. */
  #releaseUnsent(run: RunAggregate, ordinal: number, fence: number): void {
    const { submit, logger } = this.#options;
    const event = { kind: "released", ordinal, fence } as const;
    submit({ runKey: run.run.runKey, event, freesSlotOf: null }).catch((error: unknown) =>
      logger.debug({ error: describeError(error) }, "a release was not written; the repair scan finds it"),
    );
  }

  async #failUnrendered(session: WorkerSession, held: HeldAttempt, error: unknown): Promise<void> {
    const { submit, logger } = this.#options;
    session.dropClaim(held.ref, describeError(error));
    if (!(error instanceof AppError)) {
      const fields = { err: error, task_id: held.ref.taskId, dag_run_id: held.ref.dagRunId };
      logger.error(fields, "an assignment could not be built");
    }
    const message = describeError(error);
    const failure = {
      code: "render_failed",
      message,
      exitCode: null,
      signal: null,
      retryable: false,
      retryAfterMs: null,
      random: 0,
    };
    try {
      await submit({
        runKey: held.runKey,
        event: {
          kind: "outcome",
          ordinal: held.ordinal,
          fence: Number(held.ref.fence),
          outcome: { kind: "failed", failure, outputs: [] },
        },
        freesSlotOf: session.slotOf(held),
        freesResources: held.requests,
      });
      session.forget(held.ref);
      this.#options.slotsFreed();
    } catch (failed) {
      logger.warn(
        { error: describeError(failed) },
        "a failed rendering was not written; the heartbeats will show it as lost",
      );
    }
  }

  #stop(run: RunAggregate, stop: StopRequest): void {
    const { sessions, store } = this.#options;
    const session = sessions.get(stop.workerKey);
    const held = session?.findByPlace(run.run.runKey, stop.ordinal);
    const isHere = held !== undefined && Number(held.ref.fence) === stop.fence;
    if (session === undefined || !isHere) store.wake.notify("stops", String(stop.workerKey));
    else sendStop(session, held, stop.reason, stop.graceMs);
  }
}

function requestsOf(run: RunAggregate, instance: Instance): ResourceAmounts | undefined {
  return run.plan.tasks[instance.task]?.requests;
}

function taskGraceMs(run: RunAggregate, instance: Instance): number {
  return run.plan.tasks[instance.task]?.graceMs ?? 0;
}

/** Tells the worker to end an attempt; it answers *released* when the tree is gone. */
export function sendStop(session: WorkerSession, held: HeldAttempt, reason: string, graceMs: number): void {
  held.isStopping = true;
  const attempt = create(AttemptRefSchema, held.ref);
  session.send({
    case: "stopOrder",
    value: create(StopOrderSchema, { attempt, reason, grace: durationFromMs(graceMs) }),
  });
}

function evaluated(
  run: RunAggregate,
  instance: Instance,
  result: Extract<Submission["event"], { kind: "evaluated" }>["result"],
): Submission {
  return {
    runKey: run.run.runKey,
    event: { kind: "evaluated", ordinal: instance.ordinal, generation: instance.generation, result },
    freesSlotOf: null,
  };
}
