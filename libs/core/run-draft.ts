import type { AttemptChange } from "./attempt-change.ts";
import type { Decision, EventChange, InstanceChange, OutputChange, RunParameters, StopRequest } from "./decision.ts";
import type { EventVerdict } from "./event-verdict.ts";
import { needsOfAttempt, needsOfRun, ofRun, type SlotNeed } from "./limits.ts";
import type { Plan, PlanTask } from "./plan.ts";
import type { Instance, RunAggregate, RunRow } from "./run-model.ts";
import { computeRunState, isSettled } from "./run-state.ts";
import type { TaskState } from "./states.ts";
import { isLegalTransition, type TransitionCause } from "./transition-table.ts";

/** A bug in the rules themselves, never a user's mistake. */
class InvariantError extends Error {}

/**
 * A run under change: reads fall through to the aggregate, writes are kept beside it, and everything that must be
 * written and told is gathered until `finish`. Each transition passes the chart here, the one door.
 */
export class RunDraft {
  readonly now: number;
  readonly attempts: AttemptChange[] = [];
  readonly outputs: OutputChange[] = [];
  readonly stops: StopRequest[] = [];
  readonly evaluateOrdinals: number[] = [];
  everStarted: boolean;
  cancelRequested: boolean;
  isPaused: boolean;
  isAdmitted: boolean;
  timeoutAt: number | null;
  deadlineAt: number | null;
  /** The write found no room in a limit: nothing may be taken of any. */
  readonly lacksRoom: boolean;
  readonly #base: RunAggregate;
  #plan: Plan;
  #version: Pick<RunRow, "versionKey" | "revision" | "removedTasks">;
  #parameters: RunParameters | null = null;
  /** Ordinals of the tasks that do not stand at their own place; null: not looked for yet. */
  #places: ReadonlyMap<number, number> | null = null;
  readonly #changed = new Map<number, Instance>();
  readonly #added: Instance[] = [];
  readonly #events: EventChange[] = [];
  readonly #counts: Record<TaskState, number>;
  #exemptCount: number;
  #heldCount: number;
  #eventSequence: number;

  constructor(base: RunAggregate, now: number, lacksRoom = false) {
    this.#base = base;
    this.now = now;
    this.lacksRoom = lacksRoom;
    this.#plan = base.plan;
    const { versionKey, revision, removedTasks } = base.run;
    this.#version = { versionKey, revision, removedTasks };
    this.everStarted = base.run.everStarted;
    this.cancelRequested = base.run.cancelRequested;
    this.isPaused = base.run.isPaused;
    this.isAdmitted = base.run.isAdmitted;
    this.timeoutAt = base.run.timeoutAt;
    this.deadlineAt = base.run.deadlineAt;
    this.#counts = { ...base.run.counts };
    this.#exemptCount = base.run.exemptCount;
    this.#heldCount = base.run.heldCount;
    this.#eventSequence = base.run.eventSequence;
  }

  get plan(): Plan {
    return this.#plan;
  }

  /** Number of tasks that the version has; the plan's others are removed ones. */
  get taskCount(): number {
    return this.#plan.tasks.length - this.#version.removedTasks.length;
  }

  get revision(): number {
    return this.#version.revision;
  }

  get isArchived(): boolean {
    return this.#base.run.isArchived;
  }

  /** The run had its end before this change. */
  get wasEnded(): boolean {
    return this.#base.run.endedAt !== null;
  }

  /** All its instances have ended. */
  get isSettled(): boolean {
    return isSettled(this.#counts);
  }

  /** Number of instances, items and those added here included. */
  get size(): number {
    return this.#base.instances.length + this.#added.length;
  }

  get hasFailed(): boolean {
    return this.#counts.failed + this.#counts.upstream_failed > this.#exemptCount;
  }

  find(ordinal: number): Instance | undefined {
    return (
      this.#changed.get(ordinal) ?? this.#base.instances[ordinal] ?? this.#added[ordinal - this.#base.instances.length]
    );
  }

  get(ordinal: number): Instance {
    const instance = this.find(ordinal);
    if (instance === undefined) throw new InvariantError(`run ${this.#base.run.runId} has no instance ${ordinal}`);
    return instance;
  }

  /** The instance of a task; of a fan-out its group. A task stands at its own place unless a rerun changed the version. */
  ofTask(task: number): Instance {
    const there = this.find(task);
    if (there !== undefined && there.task === task && there.mapIndex === null) return there;
    this.#places ??= new Map(
      [...this.all()].flatMap((instance) => (instance.mapIndex === null ? [[instance.task, instance.ordinal]] : [])),
    );
    const ordinal = this.#places.get(task);
    if (ordinal === undefined) throw new InvariantError(`run ${this.#base.run.runId} has no instance of task ${task}`);
    return this.get(ordinal);
  }

  taskOf(instance: Instance): PlanTask {
    const task = this.plan.tasks[instance.task];
    if (task === undefined) throw new InvariantError(`the plan has no task ${instance.task}`);
    return task;
  }

  *all(): Generator<Instance> {
    const size = this.size;
    for (let ordinal = 0; ordinal < size; ordinal += 1) yield this.get(ordinal);
  }

  /** Replaces an instance; the chart must allow the step. */
  put(next: Instance, cause: TransitionCause): Instance {
    const before = this.get(next.ordinal);
    if (!isLegalTransition(cause, before.state, next.state)) {
      throw new InvariantError(`${cause} may not take instance ${next.ordinal} from ${before.state} to ${next.state}`);
    }
    if (next.mapIndex === null) {
      this.#counts[before.state] -= 1;
      this.#counts[next.state] += 1;
      this.#exemptCount += exemptWeight(next) - exemptWeight(before);
    }
    this.#heldCount += Number(next.held) - Number(before.held);
    this.#changed.set(next.ordinal, next);
    return next;
  }

  /** Adds an item of a fan-out, which is not counted (its group is), or a task of a later version, which is. */
  add(instance: Omit<Instance, "ordinal">): Instance {
    const added: Instance = { ...instance, ordinal: this.size };
    this.#added.push(added);
    if (added.mapIndex === null) this.#counts[added.state] += 1;
    return added;
  }

  /** Goes on by another version. All instances are put with their tasks of `plan` before. */
  replan(plan: Plan, versionKey: number, removedTasks: readonly string[]): void {
    this.#plan = plan;
    this.#places = null;
    this.#version = { versionKey, removedTasks, revision: this.#base.run.revision + 1 };
    if (this.#base.run.endedAt !== null) this.isAdmitted = needsOfRun(plan, this.#base.run).length === 0;
  }

  /** Gives the run other parameters. */
  setParameters(parameters: RunParameters): void {
    this.#parameters = parameters;
    this.#version = { ...this.#version, revision: this.#base.run.revision + 1 };
  }

  emit(eventType: string, ordinal: number | null, data: Readonly<Record<string, unknown>> = {}): void {
    this.#eventSequence += 1;
    this.#events.push({ sequence: this.#eventSequence, eventType, ordinal, at: this.now, data });
  }

  /** What this change made ready to be dispatched, most urgent first; `fromBefore`: and what was ready before. */
  readyOrdinals(fromBefore = false): readonly number[] {
    if (this.isPaused) return [];
    const isAll = fromBefore || this.#base.run.isPaused;
    const ready: Instance[] = [];
    for (const instance of isAll ? this.all() : this.#touched()) {
      const before = this.#base.instances[instance.ordinal];
      if (isReady(instance) && (isAll || before === undefined || !isReady(before))) ready.push(instance);
    }
    ready.sort((a, b) => this.taskOf(b).priority - this.taskOf(a).priority || a.ordinal - b.ordinal);
    return ready.map((instance) => instance.ordinal);
  }

  /** Null when nothing changed. */
  finish(verdicts: readonly EventVerdict[]): Decision | null {
    const before = this.#base.run;
    const hasFlags =
      this.cancelRequested !== before.cancelRequested ||
      this.isPaused !== before.isPaused ||
      this.isAdmitted !== before.isAdmitted ||
      this.timeoutAt !== before.timeoutAt ||
      this.deadlineAt !== before.deadlineAt;
    if (this.#changed.size === 0 && this.#added.length === 0 && !hasFlags) return null;
    const run = this.#finishRun(before);
    const instances: InstanceChange[] = [...this.#changed.values()]
      .filter((instance) => instance.ordinal < this.#base.instances.length)
      .map((next) => ({ next, guard: this.#guardOf(next.ordinal) }));
    for (const added of this.#added) instances.push({ next: this.get(added.ordinal), guard: null });
    return {
      run,
      plan: this.#plan,
      parameters: this.#parameters,
      expectedSequence: before.sequence,
      instances,
      attempts: this.attempts,
      outputs: this.outputs,
      events: this.#events,
      ...this.#slotChanges(run),
      stops: this.stops,
      readyOrdinals: this.readyOrdinals(),
      evaluateOrdinals: [...new Set(this.evaluateOrdinals)].filter((ordinal) => this.get(ordinal).awaitsEvaluation),
      verdicts,
    };
  }

  /** A run holds its room while it is active, an attempt while its process tree may be alive. */
  #slotChanges(after: RunRow): Pick<Decision, "slotsTaken" | "slotsFreed"> {
    const before = this.#base.run;
    const slotsTaken: SlotNeed[] = [];
    const slotsFreed: number[] = [];
    if (after.isAdmitted && !before.isAdmitted && after.endedAt === null) {
      slotsTaken.push(...needsOfRun(this.#plan, after));
    }
    if (after.endedAt !== null && before.endedAt === null && before.isAdmitted) slotsFreed.push(ofRun);
    for (const instance of this.#touched()) {
      const wasHeld = this.#base.instances[instance.ordinal]?.held ?? false;
      if (wasHeld === instance.held) continue;
      const { ordinal } = instance;
      const needs = needsOfAttempt(this.#plan, this.taskOf(instance), { dagKey: after.dagKey, ordinal });
      if (!wasHeld) slotsTaken.push(...needs);
      // It may have been claimed by a version of other limits.
      else if (needs.length > 0 || after.revision > 0) slotsFreed.push(ordinal);
    }
    return { slotsTaken, slotsFreed };
  }

  *#touched(): Generator<Instance> {
    yield* this.#changed.values();
    for (const added of this.#added) if (!this.#changed.has(added.ordinal)) yield added;
  }

  #guardOf(ordinal: number): { state: TaskState; fence: number } | null {
    const before = this.#base.instances[ordinal];
    return before === undefined ? null : { state: before.state, fence: before.fence };
  }

  #finishRun(before: RunRow): RunRow {
    const facts = {
      counts: this.#counts,
      exemptCount: this.#exemptCount,
      cancelRequested: this.cancelRequested,
      everStarted: this.everStarted,
    };
    const state = computeRunState(facts);
    const ended = isSettled(this.#counts) && this.#heldCount === 0;
    if (state !== before.state) this.emit(`dag_run.${state}`, null);
    if (ended && before.endedAt === null) this.emit("dag_run.ended", null, { state });
    return {
      ...before,
      ...this.#version,
      ...facts,
      state,
      heldCount: this.#heldCount,
      isPaused: this.isPaused,
      isAdmitted: ended ? needsOfRun(this.#plan, before).length === 0 : this.isAdmitted,
      timeoutAt: this.timeoutAt,
      deadlineAt: this.deadlineAt,
      sequence: before.sequence + 1,
      eventSequence: this.#eventSequence,
      startedAt: before.startedAt ?? (this.everStarted ? this.now : null),
      endedAt: ended ? (before.endedAt ?? this.now) : null,
    };
  }
}

/** It may be dispatched at once: queued, not held, not waiting for a time or an answer, and not a group. */
export function isReady(instance: Instance): boolean {
  return (
    instance.state === "queued" &&
    !instance.held &&
    instance.dueAt === null &&
    instance.waitsFor === null &&
    instance.itemsTotal === 0
  );
}

function exemptWeight(instance: Instance): number {
  return instance.exempt && (instance.state === "failed" || instance.state === "upstream_failed") ? 1 : 0;
}
