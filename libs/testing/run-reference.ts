import { type EdgeCondition, parentEdges } from "#core/graph.ts";
import type { Hook } from "#core/hook.ts";
import type { Plan } from "#core/plan.ts";
import type { Instance, RunAggregate } from "#core/run-model.ts";
import type { EndKind, RunState, TaskState } from "#core/states.ts";
import type { RuleVerdict, TriggerRule } from "#core/trigger-rule.ts";

/**
 * The rules once more, written from the specification alone and in the plainest way, to compare the core with.
 * Nothing here may call a rule of the core.
 */

/** Columns of spec 3's table: when the rule holds, and how the task ends otherwise (`cause`: by what broke it). */
type Row = readonly [
  holds: (s: number, f: number, u: number, k: number, n: number) => boolean,
  otherwise: "cause" | "skipped" | "upstream_failed",
];

const ruleTable: Readonly<Record<TriggerRule, Row>> = {
  all_success: [(_s, f, u, k) => f + u + k === 0, "cause"],
  all_failed: [(_s, f, u, _k, n) => f + u === n, "skipped"],
  all_done: [() => true, "skipped"],
  one_success: [(s) => s >= 1, "cause"],
  one_failed: [(_s, f, u) => f + u >= 1, "skipped"],
  none_failed: [(_s, f, u) => f + u === 0, "upstream_failed"],
  none_failed_min_one_success: [(s, f, u) => f + u === 0 && s >= 1, "cause"],
  all_skipped: [(_s, _f, _u, k, n) => k === n, "cause"],
  none_skipped: [(_s, _f, _u, k) => k === 0, "skipped"],
  always: [() => true, "skipped"],
};

/** What a task with these parents' ends does while `waiting` more parents have not ended. */
export function referenceRule(rule: TriggerRule, ends: readonly EndKind[], waiting: number): RuleVerdict {
  const count = (kind: EndKind): number => ends.filter((end) => end === kind).length;
  const [s, f, u, k] = [count("success"), count("failed"), count("upstream_failed"), count("skipped")] as const;
  const [holds, otherwise] = ruleTable[rule];
  const isEarly = rule === "one_success" || rule === "one_failed";
  if (ends.length + waiting === 0 || rule === "always") return "run";
  if (waiting > 0) return isEarly && holds(s, f, u, k, ends.length + waiting) ? "run" : "wait";
  if (holds(s, f, u, k, ends.length)) return "run";
  if (otherwise !== "cause") return otherwise;
  return f + u > 0 ? "upstream_failed" : "skipped";
}

/** A parent's end as its edge shows it. */
export function referenceEnd(state: TaskState, on: EdgeCondition): EndKind {
  if (on === "completion") return "success";
  const turned: Partial<Record<TaskState, EndKind>> = {
    success: "skipped",
    failed: "success",
    upstream_failed: "success",
    skipped: "skipped",
  };
  const straight: Partial<Record<TaskState, EndKind>> = {
    success: "success",
    failed: "failed",
    upstream_failed: "upstream_failed",
    skipped: "skipped",
  };
  const end = (on === "failure" ? turned : straight)[state];
  if (end === undefined) throw new Error(`a parent in state ${state} has no end`);
  return end;
}

/** What a hook does when the tasks that it waits for are in these states, and the run has failed by them or not. */
export function referenceHook(hook: Hook, waitsFor: readonly TaskState[], hasFailed: boolean): RuleVerdict {
  const isOver = waitsFor.every((state) => !["none", "queued", "running", "up_for_retry"].includes(state));
  if (!isOver) return "wait";
  const end = hook.of === "run" ? (hasFailed ? "failed" : "success") : waitsFor[0];
  return end === (hook.on === "failure" ? "failed" : "success") ? "run" : "skipped";
}

/** The state of a run from its instances, its cancel flag and whether anything ran, in the order of design.md. */
export function referenceRunState({ run, instances }: RunAggregate): RunState {
  const tasks = instances.filter((instance) => instance.mapIndex === null);
  const isIn = (...states: TaskState[]): boolean => tasks.some(({ state }) => states.includes(state));
  if (run.cancelRequested) return "cancelled";
  if (tasks.some(({ state, exempt }) => (state === "failed" || state === "upstream_failed") && !exempt))
    return "failed";
  if (!isIn("none", "queued", "running", "up_for_retry")) return "success";
  if (!run.everStarted) return "queued";
  if (isIn("queued", "running")) return "running";
  // What is left waits for its evaluation, which is work of the run though no instance says so.
  return isIn("up_for_retry") ? "up_for_retry" : "running";
}

/** How a task behaves in a run that nobody interferes with. */
export interface TaskScript {
  /** What its evaluation gives; looked at only if the task is evaluated. A list makes one item per entry. */
  readonly evaluation: "run" | "skip" | "fail" | readonly AttemptScript[];
  readonly attempts: AttemptScript;
}

/** What the attempts of an instance come to, one after the other, and the last one when it gets that far. */
export interface AttemptScript {
  readonly troubles: readonly ("exit_code" | "lost" | "interrupted" | "deferred")[];
  readonly last: "success" | "skipped" | "fatal";
}

export interface ReferenceEnd {
  readonly state: TaskState;
  readonly exempt: boolean;
}

/** The final states of all tasks; order of execution can't matter. `order` is any order with parents first. */
export function referenceEnds(
  plan: Plan,
  scripts: readonly TaskScript[],
  order: readonly number[],
): readonly ReferenceEnd[] {
  const ends: ReferenceEnd[] = [];
  for (const index of order) {
    const task = plan.tasks[index];
    const script = scripts[index];
    if (task === undefined || script === undefined) throw new Error(`task ${index} has no script`);
    const parents = [...parentEdges(plan.graph, index)].map((edge) => {
      const parent = ends[edge.task];
      if (parent === undefined) throw new Error(`task ${edge.task} must come before ${index}`);
      return { ...parent, seen: referenceEnd(parent.state, edge.on) };
    });
    const hasFailed = parents.some(({ state, exempt }) => isFailure(state) && !exempt);
    const verdict =
      task.hook === undefined
        ? referenceRule(
            task.triggerRule,
            parents.map(({ seen }) => seen),
            0,
          )
        : referenceHook(
            task.hook,
            parents.map(({ state }) => state),
            hasFailed,
          );
    const failures = parents.filter(({ seen }) => seen === "failed" || seen === "upstream_failed");
    const state = verdict === "run" ? ownEnd(plan, index, script) : verdict === "wait" ? "none" : verdict;
    const exempt =
      (state === "failed" && task.allowFailure) ||
      (state === "upstream_failed" && failures.every((parent) => parent.exempt));
    ends[index] = { state, exempt };
  }
  return ends;
}

function isFailure(state: TaskState): boolean {
  return state === "failed" || state === "upstream_failed";
}

function ownEnd(plan: Plan, index: number, script: TaskScript): TaskState {
  if (plan.tasks[index]?.evaluated !== true || script.evaluation === "run")
    return attemptsEnd(plan, index, script.attempts);
  if (script.evaluation === "skip") return "skipped";
  if (script.evaluation === "fail") return "failed";
  return script.evaluation.some((item) => attemptsEnd(plan, index, item) === "failed") ? "failed" : "success";
}

function attemptsEnd(plan: Plan, index: number, { troubles, last }: AttemptScript): Instance["state"] {
  const policy = plan.tasks[index]?.retry;
  let retries = policy?.maxRetries ?? 0;
  let losses = policy?.maxInfraRetries ?? 0;
  for (const trouble of troubles) {
    if (trouble === "exit_code") retries -= 1;
    if (trouble === "lost") losses -= 1;
    if (retries < 0 || losses < 0) return "failed";
  }
  return last === "fatal" ? "failed" : last;
}
