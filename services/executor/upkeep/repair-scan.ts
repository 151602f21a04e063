import type { HeldAttempt as HeldRow } from "#ports/run-store.ts";
import type { Store } from "#ports/store.ts";
import { reconcileHeld } from "../sessions/held-reconciliation.ts";
import { type RunEffects, sendStop } from "../runs/run-effects.ts";
import { sendMissing } from "../sessions/session-opening.ts";
import type { WorkerSession } from "../sessions/session.ts";
import type { SessionRegistry } from "../sessions/session-registry.ts";
import type { Submission, SubmissionResult } from "../runs/turn.ts";

const maxEvaluationsPerScan = 500;
const stopGraceMs = 5000;

export interface RepairScanOptions {
  readonly store: Store;
  readonly sessions: SessionRegistry;
  readonly effects: RunEffects;
  readonly submit: (submission: Submission) => Promise<SubmissionResult>;
}

/** Finds what an effect after a commit should have done and did not: the process may have died, or a hint was lost (G2). */
export class RepairScan {
  readonly #options: RepairScanOptions;
  /** Attempts that were missing in the last scan: only those missing twice are sent again. */
  #missing = new Set<string>();

  constructor(options: RepairScanOptions) {
    this.#options = options;
  }

  async scan(): Promise<null> {
    const missing = new Set<string>();
    for (const session of this.#options.sessions.all()) await this.#reconcile(session, missing);
    this.#missing = missing;
    await this.#evaluateWaiting();
    return null;
  }

  /** Sends the stop orders that a worker has not got. */
  async sendStops(session: WorkerSession): Promise<void> {
    this.#stopEnded(session, await this.#options.store.runs.listHeldByWorker(session.workerKey));
  }

  async #reconcile(session: WorkerSession, missing: Set<string>): Promise<void> {
    const rows = await this.#options.store.runs.listHeldByWorker(session.workerKey);
    this.#stopEnded(session, rows);
    const { resend, release } = reconcileHeld(
      rows,
      [...session.held.values()].map((attempt) => attempt.ref),
    );
    const wasMissing = (row: HeldRow): boolean => {
      const id = `${row.runKey}/${row.ordinal}/${row.fence}`;
      missing.add(id);
      return this.#missing.has(id);
    };
    await sendMissing(this.#options, session, resend.filter(wasMissing), release.filter(wasMissing));
  }

  #stopEnded(session: WorkerSession, rows: readonly HeldRow[]): void {
    for (const row of rows) {
      const held = row.isRunning ? undefined : session.findByPlace(row.runKey, row.ordinal);
      if (held !== undefined && !held.isStopping && Number(held.ref.fence) === row.fence)
        sendStop(session, held, "ended", stopGraceMs);
    }
  }

  async #evaluateWaiting(): Promise<void> {
    const waiting = await this.#options.store.runs.listAwaitingEvaluation(maxEvaluationsPerScan);
    for (const runKey of new Set(waiting.map((instance) => instance.runKey))) await this.evaluateRun(runKey);
  }

  /** Looks at everything of a run that is to be looked at before it is queued. */
  async evaluateRun(runKey: number): Promise<void> {
    const { store, effects } = this.#options;
    const [result] = await store.runs.changeRuns([{ runKey, decide: () => null }]);
    if (result?.kind !== "unchanged") return;
    const waiting = result.run.instances.filter(({ awaitsEvaluation }) => awaitsEvaluation);
    await Promise.all(waiting.map(({ ordinal }) => effects.evaluate(result.run, ordinal)));
  }
}
