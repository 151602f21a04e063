import type { EdgeCondition } from "#core/graph.ts";
import { mapEnd } from "#core/propagation.ts";
import type { TerminalState } from "#core/states.ts";
import type { EnginePlan } from "./engine-plan.ts";
import { type AddedTask, ExecutionTasks } from "./execution-tasks.ts";
import { ParentEnds } from "./parent-ends.ts";
import { ReadyQueue } from "./ready-queue.ts";
import { TaskColumns, type TaskStage, taskStage } from "./task-columns.ts";

/** How an end looks to the rules of the core. */
const terminalStates: Readonly<Partial<Record<TaskStage, TerminalState>>> = {
  [taskStage.success]: "success",
  [taskStage.failed]: "failed",
  [taskStage.failedAllowed]: "failed",
  [taskStage.upstreamFailed]: "upstream_failed",
  [taskStage.upstreamFailedAllowed]: "upstream_failed",
};

/**
 * The states of an execution's tasks, and the one door for their changes: what ends is told to its children, whose rules
 * then make them ready or skip them. It calls no handlers and has no timers.
 */
export class TaskLedger {
  readonly tasks: ExecutionTasks;
  readonly columns: TaskColumns;
  readonly ready: ReadyQueue;
  /** Tasks without an end. */
  unended: number;
  /** The first task whose end makes the execution no success; null while there is none. */
  firstMiss: number | null = null;
  /** Why what had not started was skipped, if it was. */
  abortReason: unknown = null;
  readonly #parentEnds = new ParentEnds();
  readonly #onEnd: ((index: number) => void) | null;
  /** Nothing but successes so far, and no rule but `all_success`: counting down decides alone. */
  #isUniform: boolean;

  constructor(plan: EnginePlan, onEnd: ((index: number) => void) | null) {
    this.tasks = new ExecutionTasks(plan);
    this.columns = new TaskColumns(plan.waiting);
    this.ready = new ReadyQueue(this.columns.ring);
    this.unended = plan.graph.size;
    this.#onEnd = onEnd;
    this.#isUniform = plan.isUniform;
  }

  /** Tasks that have succeeded in an earlier execution, then all that needs nothing. */
  begin(succeeded: readonly number[]): void {
    for (const index of succeeded) this.#setEnd(index, taskStage.success);
    if (succeeded.length > 0) this.#isUniform = false;
    for (const index of succeeded) this.#propagate(index);
    for (const index of this.tasks.plan.first) {
      if (this.columns.stages[index] === taskStage.waiting) this.makeReady(index);
    }
  }

  makeReady(index: number): void {
    this.columns.stages[index] = taskStage.ready;
    this.ready.push(index);
  }

  succeed(index: number, now: number): void {
    this.columns.endTimes[index] = now;
    this.#setEnd(index, taskStage.success);
    if (this.#isUniform) this.#countDown(index);
    else this.#propagate(index);
  }

  /** Any end but success. */
  end(index: number, stage: TaskStage, now: number): void {
    this.columns.endTimes[index] = now;
    this.#isUniform = false;
    this.#miss(index, stage);
    this.#setEnd(index, stage);
    this.#propagate(index);
  }

  /** Ends all that is not at work: what has failed and waits for another try fails, all else is skipped. */
  endUnstarted(now: number, reason: unknown): void {
    this.abortReason = reason;
    this.#isUniform = false;
    this.ready.clear();
    const { columns } = this;
    for (let index = 0; index < columns.size; index += 1) {
      const stage = columns.stages[index] ?? taskStage.waiting;
      if (stage === taskStage.running || stage >= taskStage.success) continue;
      if (stage === taskStage.deciding) columns.startTimes[index] = 0;
      const hasFailed = (columns.startTimes[index] ?? 0) > 0;
      if (hasFailed) columns.dropNextTry(index);
      columns.endTimes[index] = now;
      const end = hasFailed ? this.failureOf(index) : taskStage.skippedByAbort;
      this.#miss(index, end);
      this.#setEnd(index, end);
    }
  }

  failureOf(index: number): TaskStage {
    return this.tasks.at(index).extras.allowFailure ? taskStage.failedAllowed : taskStage.failed;
  }

  /** Takes in a task whose dependencies are known; some of them may have ended. */
  add(added: AddedTask): void {
    this.#isUniform = false;
    const isEnded = (index: number): boolean => this.columns.isEnded(index);
    const index = this.columns.add(added.parents.filter((parent) => !isEnded(parent)).length);
    this.tasks.add(added, isEnded);
    this.unended += 1;
    for (const { task, on } of this.tasks.parents(index)) {
      if (isEnded(task)) this.#noteEnd(index, task, on);
    }
    if (this.#applyRule(index)) this.#propagate(index);
  }

  #countDown(ended: number): void {
    const { childStart, children } = this.tasks.plan.graph;
    const { waiting } = this.columns;
    const end = childStart[ended + 1] ?? 0;
    for (let place = childStart[ended] ?? 0; place < end; place += 1) {
      const child = children[place] ?? 0;
      const left = (waiting[child] ?? 0) - 1;
      waiting[child] = left;
      if (left === 0) this.makeReady(child);
    }
  }

  /** Tells the children, and goes on with those that end by it; no recursion, however long a chain of skips is. */
  #propagate(first: number): void {
    const ended = [first];
    const { columns } = this;
    for (const parent of ended) {
      this.tasks.forEachChild(parent, (child, on) => {
        columns.waiting[child] = (columns.waiting[child] ?? 0) - 1;
        this.#noteEnd(child, parent, on);
        if (this.#applyRule(child)) ended.push(child);
      });
    }
  }

  #noteEnd(child: number, parent: number, on: EdgeCondition): void {
    const stage = this.columns.stages[parent] as TaskStage;
    const kind = mapEnd(terminalStates[stage] ?? "skipped", on);
    if (kind !== "success") this.#parentEnds.note(child, kind, isAllowed(stage), this.columns.size);
  }

  /** Lets a waiting task's rule decide; true when it ended by that. */
  #applyRule(index: number): boolean {
    const { columns, tasks } = this;
    if (columns.stages[index] !== taskStage.waiting) return false;
    const counts = { total: tasks.parentCount(index), waiting: columns.waiting[index] ?? 0 };
    const verdict = this.#parentEnds.decide(index, tasks.at(index).extras.triggerRule, counts);
    if (verdict === "wait") return false;
    if (verdict === "run") {
      this.makeReady(index);
      return false;
    }
    const isExempt = this.#parentEnds.isExempt(index);
    const failed = isExempt ? taskStage.upstreamFailedAllowed : taskStage.upstreamFailed;
    const stage = verdict === "skipped" ? taskStage.skipped : failed;
    this.#miss(index, stage);
    this.#setEnd(index, stage);
    return true;
  }

  #miss(index: number, stage: TaskStage): void {
    if (!isAllowed(stage)) this.firstMiss ??= index;
  }

  #setEnd(index: number, stage: TaskStage): void {
    this.columns.stages[index] = stage;
    this.unended -= 1;
    if (this.#onEnd !== null) this.#onEnd(index);
  }
}

function isAllowed(stage: TaskStage): boolean {
  return stage === taskStage.failedAllowed || stage === taskStage.upstreamFailedAllowed;
}
