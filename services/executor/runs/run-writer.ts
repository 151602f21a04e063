import { decideRun, judgeEvents } from "#core/decide-run.ts";
import type { Decision } from "#core/decision.ts";
import type { RunAggregate } from "#core/run-model.ts";
import { AppError, describeError } from "#errors/app-error.ts";
import type { Clock, Timer } from "#ports/clock.ts";
import type { NewLogChunk } from "#ports/log-store.ts";
import type { RunChange, RunChangeResult } from "#ports/run-store.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import { withCheckedOutputs } from "./declared-outputs.ts";
import { keptAnswers, shortLogs } from "./kept-answers.ts";
import { createHandOff, groupByRun, type HandOffWorkers, type Submission, type SubmissionResult } from "./turn.ts";

/** Runs and events of one transaction; more wait for the next turn. */
const maxRunsPerTurn = 200;
const maxEventsPerRun = 1000;
const retryDelayMs = { first: 50, most: 2000 };
/** How long a run that another executor holds is left alone. */
const busyDelayMs = 5;

interface Waiting extends Submission {
  readonly settle: (result: SubmissionResult) => void;
  readonly fail: (error: unknown) => void;
}

export interface RunWriterOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly workers: HandOffWorkers;
  /** Called before the write with what it will say: only what does no harm where it fails may follow. */
  readonly onDecided: (decision: Decision) => void;
  /** Called after COMMIT, before the submissions of the run are settled. */
  readonly onApplied: (run: RunAggregate, decision: Decision) => void;
  /** Called with a run of which a write may have been committed without an answer, as it is now. */
  readonly onUncertain: (run: RunAggregate) => void;
}

/**
 * Gathers everything that happens to runs in one turn of the loop, asks the core, writes one transaction, and only then
 * answers (G1). One transaction is under way at a time: what arrives meanwhile is the next batch. Nothing is dropped
 * while the database is away; it is tried again with back-off.
 */
export class RunWriter {
  readonly #options: RunWriterOptions;
  #waiting: Waiting[] = [];
  /** Runs of which a write failed in such a way that it may have been committed. */
  readonly #uncertain = new Set<number>();
  #isScheduled = false;
  #retryTimer: Timer | null = null;
  #failures = 0;
  #isStopped = false;
  #whenIdle: (() => void)[] = [];

  constructor(options: RunWriterOptions) {
    this.#options = options;
  }

  /** Resolves after the COMMIT that contains the event, or with the refusal. */
  submit(submission: Submission): Promise<SubmissionResult> {
    return new Promise((settle, fail) => {
      if (this.#isStopped) {
        fail(new AppError("PEER_UNAVAILABLE", "this executor is stopping; ask another one"));
        return;
      }
      this.#waiting.push({ ...submission, settle, fail });
      this.#schedule();
    });
  }

  get isHealthy(): boolean {
    return this.#failures === 0;
  }

  /** Takes nothing new, and resolves when what is under way is written or has failed once more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#isScheduled) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    this.#retryTimer?.cancel();
    for (const { fail } of this.#waiting)
      fail(new AppError("PEER_UNAVAILABLE", "this executor stopped; ask another one"));
    this.#waiting = [];
  }

  #schedule(): void {
    if (this.#isScheduled || this.#retryTimer !== null) return;
    this.#isScheduled = true;
    this.#options.clock.nextTurn(() => void this.#turn());
  }

  async #turn(): Promise<void> {
    const { now, later } = groupByRun(this.#waiting, maxEventsPerRun);
    const groups = [...now.values()];
    this.#waiting = [...groups.slice(maxRunsPerTurn).flat(), ...later];
    const left = await this.#writeGroups(groups.slice(0, maxRunsPerTurn));
    this.#waiting = [...left.again, ...this.#waiting];
    this.#isScheduled = false;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
    if (this.#isStopped || this.#waiting.length === 0) return;
    if (left.delayMs === 0) this.#schedule();
    else this.#scheduleAfter(left.delayMs);
  }

  #scheduleAfter(delayMs: number): void {
    this.#retryTimer = this.#options.clock.after(delayMs, () => {
      this.#retryTimer = null;
      this.#schedule();
    });
  }

  /** Writes the groups; answers what must be tried again and after how long. */
  async #writeGroups(groups: readonly (readonly Waiting[])[]): Promise<{ again: readonly Waiting[]; delayMs: number }> {
    try {
      const again = await this.#writeOnce(groups);
      this.#failures = 0;
      return { again, delayMs: again.length > 0 ? busyDelayMs : 0 };
    } catch (error) {
      if (error instanceof AppError && error.retryable) return this.#backOff(groups, error);
      return { again: await this.#split(groups, error), delayMs: 0 };
    }
  }

  #backOff(groups: readonly (readonly Waiting[])[], error: AppError): { again: readonly Waiting[]; delayMs: number } {
    const delayMs = Math.min(retryDelayMs.first * 2 ** this.#failures, retryDelayMs.most);
    this.#failures += 1;
    for (const [first] of groups) if (first !== undefined) this.#uncertain.add(first.runKey);
    this.#options.logger.warn(
      { error: error.message, delay_ms: delayMs },
      "the database does not answer; what happened is kept and written later",
    );
    return { again: groups.flat(), delayMs };
  }

  /** A batch that fails other than by connection is taken apart until the event that can't be written is alone. */
  async #split(groups: readonly (readonly Waiting[])[], error: unknown): Promise<readonly Waiting[]> {
    const [group, ...others] = groups;
    if (group === undefined) return [];
    if (others.length > 0) {
      const parts = await Promise.all(groups.map(async (single) => (await this.#writeGroups([single])).again));
      return parts.flat();
    }
    const [submission, ...rest] = group;
    if (submission === undefined) return [];
    if (rest.length > 0) {
      const again: Waiting[] = [];
      for (const single of group) again.push(...(await this.#writeGroups([[single]])).again);
      return again;
    }
    return this.#giveUp(submission, error);
  }

  /** An outcome that can't be written settles as failed, `invalid_outcome` (G12); anything else answers its error. */
  #giveUp(submission: Waiting, error: unknown): readonly Waiting[] {
    const { event } = submission;
    // An answer of the store's, for who asked: another request had this id meanwhile.
    if (error instanceof AppError && error.code === "IDEMPOTENCY_CONFLICT") {
      if (this.#uncertain.delete(submission.runKey)) void this.#recover(submission.runKey);
      submission.fail(error);
      return [];
    }
    const { log, ...withoutLog } = submission;
    const what = log === undefined ? "an event" : "an event with its log";
    this.#options.logger.error(
      { err: error, run_key: submission.runKey, event: event.kind },
      `${what} could not be written`,
    );
    // Neither decides over the other: the log goes by itself.
    if (log !== undefined) {
      void this.#appendLog(log);
      return [withoutLog];
    }
    if (
      event.kind !== "outcome" ||
      (event.outcome.kind === "failed" && event.outcome.failure.code === "invalid_outcome")
    ) {
      submission.fail(error);
      return [];
    }
    const message = `the outcome could not be stored: ${describeError(error)}`;
    const failure = {
      code: "invalid_outcome",
      message,
      exitCode: null,
      signal: null,
      retryable: false,
      retryAfterMs: null,
      random: 0,
    };
    return [{ ...submission, event: { ...event, outcome: { kind: "failed", failure, outputs: [] } } }];
  }

  async #appendLog(log: NewLogChunk): Promise<void> {
    try {
      await this.#options.store.logs.append([log]);
    } catch (error) {
      this.#options.logger.error({ err: error, run_key: log.runKey }, "the log of an attempt could not be written");
    }
  }

  /** A write without an answer was committed after all: what follows from it is done now. */
  async #recover(runKey: number): Promise<void> {
    try {
      const [result] = await this.#options.store.runs.changeRuns([{ runKey, decide: () => null }]);
      if (result?.kind === "unchanged") this.#options.onUncertain(result.run);
    } catch (error) {
      this.#options.logger.debug({ error: describeError(error) }, "a run was not read again; the repair scan finds it");
    }
  }

  /** One transaction; answers the submissions of runs that another executor holds. */
  async #writeOnce(groups: readonly (readonly Waiting[])[]): Promise<readonly Waiting[]> {
    const { store, workers, onDecided } = this.#options;
    const changes = groups.map((group): RunChange => {
      const events = group.map((waiting) => waiting.event);
      const runKey = group[0]?.runKey ?? 0;
      const isOffer = events.some(({ kind }) => kind === "offer");
      // What was committed without an answer may have given the freed slots away already.
      const takers = this.#uncertain.has(runKey) ? [] : group;
      return {
        runKey,
        decide: (run, { lacksRoom }) => {
          const checked = events.map((event) => withCheckedOutputs(run, event));
          const handOff = createHandOff(takers, workers);
          const handsOnWaiting = isOffer || workers.scope(runKey) === "all";
          const decision = decideRun(run, checked, store.now(), { handOff, handsOnWaiting, lacksRoom });
          if (decision !== null) onDecided(decision);
          return decision;
        },
        answers: (decision) => keptAnswers(group, decision),
        logs: (decision) => shortLogs(group, decision),
      };
    });
    try {
      return this.#follow(groups, await store.runs.changeRuns(changes));
    } catch (error) {
      // What may have been committed without an answer may hold these slots: they are kept until the run was read again.
      if (!(error instanceof AppError) || !error.retryable) for (const { runKey } of changes) workers.giveBack(runKey);
      throw error;
    }
  }

  /** What was written takes effect, and everybody is answered but those whose run is busy: they are the answer. */
  #follow(groups: readonly (readonly Waiting[])[], results: readonly RunChangeResult[]): readonly Waiting[] {
    const { onApplied, onUncertain, workers } = this.#options;
    const again: Waiting[] = [];
    results.forEach((result, place) => {
      const group = groups[place] ?? [];
      if (result.kind === "busy") {
        again.push(...group);
        if (!this.#uncertain.has(group[0]?.runKey ?? 0)) workers.giveBack(group[0]?.runKey ?? 0);
        return;
      }
      if (result.kind === "applied") onApplied(result.run, result.decision);
      const runKey = group[0]?.runKey ?? 0;
      const isUncertain = this.#uncertain.delete(runKey);
      if (isUncertain && result.kind !== "missing") onUncertain(result.run);
      workers.giveBack(runKey);
      this.#settle(group, result);
    });
    return again;
  }

  #settle(group: readonly Waiting[], result: Exclude<RunChangeResult, { kind: "busy" }>): void {
    if (result.kind === "missing") {
      for (const { settle } of group) settle({ kind: "missing" });
      return;
    }
    const events = group.map((waiting) => waiting.event);
    const verdicts =
      result.kind === "applied"
        ? result.decision.verdicts
        : judgeEvents(result.run, events, this.#options.store.now(), result.lacksRoom);
    group.forEach(({ settle }, place) => {
      const verdict = verdicts[place] ?? { accepted: false, reason: "unknown_instance" };
      settle({ kind: "judged", verdict, run: result.run });
    });
  }
}
