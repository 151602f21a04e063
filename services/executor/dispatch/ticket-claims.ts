import type { RefusalReason } from "#core/event-verdict.ts";
import type { Instance, RunAggregate } from "#core/run-model.ts";
import { describeError } from "#errors/app-error.ts";
import type { AttemptRef } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { QueuedInstance } from "#ports/queued-instance.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { ticketId } from "../sessions/attempt-ref.ts";
import type { RunEffects } from "../runs/run-effects.ts";
import type { HeldAttempt } from "../sessions/held-attempt.ts";
import type { WorkerSession } from "../sessions/session.ts";
import type { OfferedInstance } from "../sessions/session-offers.ts";
import type { SessionRegistry } from "../sessions/session-registry.ts";
import type { Submission, SubmissionResult } from "../runs/turn.ts";

export interface TicketClaimsOptions {
  readonly store: Store;
  readonly sessions: SessionRegistry;
  readonly effects: RunEffects;
  readonly submit: (submission: Submission) => Promise<SubmissionResult>;
  /** Called with the run of which an instance is about to be claimed. */
  readonly claiming: (runKeys: readonly number[]) => void;
  readonly slotsFreed: () => void;
  readonly logger: Logger;
}

/** The instance is queued and may be claimed later: it needs another ticket, soon. */
const passingRefusals: ReadonlySet<RefusalReason> = new Set(["paused", "held", "not_due"]);

/**
 * What workers make of tickets. A claim is a compare-and-set like any other (G3), so a ticket that comes twice, late or
 * from a partition that was read again does no harm. Every claim is answered while its session lasts.
 */
export class TicketClaims {
  readonly #options: TicketClaimsOptions;

  constructor(options: TicketClaimsOptions) {
    this.#options = options;
  }

  /** An accepted claim is answered by its assignment, any other by a drop. */
  async claim(session: WorkerSession, ref: AttemptRef): Promise<void> {
    const { submit, claiming, slotsFreed } = this.#options;
    session.awaitReply(ref);
    session.reserve(1);
    try {
      const offered = this.#takeOffer(session, ref) ?? (await this.#find(ref));
      if (offered === null) {
        session.dropClaim(ref, "there is no such instance");
        return;
      }
      claiming([offered.runKey]);
      const { runKey, ordinal } = offered;
      const { generation, tryNumber } = ref;
      const event = { kind: "claim", ordinal, generation, tryNumber, workerKey: session.workerKey } as const;
      const result = await submit({ runKey, event, freesSlotOf: null });
      await this.#answer(session, ref, { runKey, ordinal, generation, tryNumber }, result);
    } catch (error) {
      session.dropClaim(ref, describeError(error));
      throw error;
    } finally {
      session.unreserve(1);
      slotsFreed();
    }
  }

  /** The worker can't use it: it may be picked at once, and its claim goes over a session then. */
  async handBack(session: WorkerSession, ref: AttemptRef): Promise<void> {
    const offered = this.#takeOffer(session, ref) ?? (await this.#find(ref));
    if (offered === null) return;
    await this.#release({ ...offered, generation: ref.generation, tryNumber: ref.tryNumber });
  }

  async #answer(
    session: WorkerSession,
    ref: AttemptRef,
    queued: QueuedInstance,
    result: SubmissionResult,
  ): Promise<void> {
    if (result.kind === "missing") {
      session.dropClaim(ref, "there is no such run");
      return;
    }
    const { verdict, run } = result;
    const instance = run.instances[queued.ordinal];
    const held = session.findByPlace(queued.runKey, queued.ordinal);
    // The assignment that follows an accepted claim is the answer; it may still be being rendered.
    if (verdict.accepted && held !== undefined && isSameTry(held.ref, ref)) return;
    if (held !== undefined && instance !== undefined && mayHearAgain(held, ref, instance)) {
      this.#options.effects.assign(session, run, instance);
      return;
    }
    session.dropClaim(ref, verdict.accepted ? "it was ended at once" : verdict.reason);
    if (!verdict.accepted && passingRefusals.has(verdict.reason)) await this.#release(queued);
  }

  async #release(queued: QueuedInstance): Promise<void> {
    const { store } = this.#options;
    await store.runs.clearDispatched([queued]);
    store.wake.notify("queued");
  }

  /** What this executor offered by the ticket, to this worker or, since partitions move, to another. */
  #takeOffer(session: WorkerSession, ref: AttemptRef): OfferedInstance | null {
    const id = ticketId(ref);
    const own = session.offers.take(id);
    if (own !== null) return own;
    for (const other of this.#options.sessions.all()) {
      const offered = other.offers.take(id);
      if (offered !== null) return offered;
    }
    return null;
  }

  async #find({ dagRunId, taskId, mapIndex }: AttemptRef): Promise<OfferedInstance | null> {
    const { runs } = this.#options.store;
    const runKey = await runs.findRunKey(dagRunId);
    if (runKey === null) return null;
    const [result] = await runs.changeRuns([{ runKey, decide: () => null }]);
    const instance = result?.kind === "unchanged" ? findInstance(result.run, taskId, mapIndex ?? null) : undefined;
    return instance === undefined ? null : { runKey, ordinal: instance.ordinal };
  }
}

/**
 * A worker that claims what it has got is told again; it knows what it holds. Not once its outcome is here: the
 * acknowledgement may be on its way, and behind that it would begin anew (I3).
 */
function mayHearAgain(held: HeldAttempt, ref: AttemptRef, instance: Instance): boolean {
  const isOpen = !held.isReported && !held.isStopping;
  return (
    isOpen && isSameTry(held.ref, ref) && instance.state === "running" && instance.heldFence === Number(held.ref.fence)
  );
}

function isSameTry(a: AttemptRef, b: AttemptRef): boolean {
  return a.generation === b.generation && a.tryNumber === b.tryNumber;
}

function findInstance(run: RunAggregate, taskId: string, mapIndex: number | null): Instance | undefined {
  const task = run.plan.tasks.findIndex(({ id }) => id === taskId);
  return run.instances.find((instance) => instance.task === task && instance.mapIndex === mapIndex);
}
