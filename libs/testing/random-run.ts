import fc from "fast-check";
import type { EdgeCondition } from "#core/graph.ts";
import type { Hook } from "#core/hook.ts";
import type { Plan } from "#core/plan.ts";
import type { AttemptFailure, AttemptOutcome, EvaluationResult, RerunTarget, RunEvent } from "#core/run-event.ts";
import type { Instance, RunAggregate } from "#core/run-model.ts";
import type { TaskState } from "#core/states.ts";
import { unstartedWait } from "#core/unstarted-wait.ts";
import { rulesThatNeedParents, triggerRules } from "#core/trigger-rule.ts";
import { hookSpec } from "./hook-spec.ts";
import { buildPlan, type TaskSpec } from "./plan-builder.ts";
import { otherVersion } from "./plan-versions.ts";
import { someone } from "./run-driver.ts";
import type { AttemptScript, TaskScript } from "./run-reference.ts";

const conditions: readonly EdgeCondition[] = ["success", "success", "success", "failure", "completion"];

interface RawTask {
  readonly parents: readonly { readonly pick: number; readonly on: EdgeCondition }[];
  readonly spec: Omit<TaskSpec, "id" | "parents" | "waits">;
  /** It needs no worker. */
  readonly isWait: boolean;
  readonly hooks: readonly Hook["on"][];
}

const someHooks: fc.Arbitrary<readonly Hook["on"][]> = fc.subarray(["success", "failure"]);

const rawTask: fc.Arbitrary<RawTask> = fc.record({
  parents: fc.array(fc.record({ pick: fc.nat(), on: fc.constantFrom(...conditions) }), { maxLength: 5, size: "max" }),
  spec: fc.record({
    triggerRule: fc.oneof(fc.constant("all_success" as const), fc.constantFrom(...triggerRules)),
    allowFailure: fc.boolean(),
    evaluated: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
    keepPartialOutputs: fc.boolean(),
    priority: fc.integer({ min: -2, max: 2 }),
    retry: fc.record({ maxRetries: fc.nat(2), maxInfraRetries: fc.nat(2), delayMs: fc.constantFrom(1, 30_000) }),
  }),
  isWait: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  hooks: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: someHooks }),
});

/**
 * Acyclic plans of 1 to `maxTasks` tasks with any rule and edge, in an order that need not have parents first, and behind
 * them their hooks.
 */
export function arbitraryPlan(maxTasks: number): fc.Arbitrary<Plan> {
  return fc
    .tuple(
      fc.array(rawTask, { minLength: 1, maxLength: maxTasks, size: "max" }),
      someHooks,
      fc.infiniteStream(fc.nat()),
    )
    .map(([tasks, runHooks, picks]) => planOf(tasks, shuffle(tasks.length, picks), runHooks));
}

/** `places[i]` is where the i-th task, whose parents come from those before it, stands in the plan. */
function planOf(tasks: readonly RawTask[], places: readonly number[], runHooks: RawTask["hooks"]): Plan {
  const specs: TaskSpec[] = [];
  tasks.forEach(({ parents, spec, isWait }, index) => {
    const chosen = new Map(parents.map(({ pick, on }) => [pick % Math.max(1, index), on]));
    const edges = index === 0 ? [] : [...chosen].map(([parent, on]) => `t${places[parent]}:${on}`);
    const needsParents =
      edges.length === 0 && spec.triggerRule !== undefined && rulesThatNeedParents.has(spec.triggerRule);
    const place = places[index] ?? index;
    specs[place] = {
      ...spec,
      id: `t${place}`,
      parents: edges,
      ...(needsParents ? { triggerRule: "all_success" } : {}),
      ...(isWait ? { waits: { timeoutMs: null } } : {}),
    };
  });
  const taskHooks = tasks.flatMap(({ hooks }, index) => hooks.map((on) => hookSpec([`t${places[index]}`], "task", on)));
  const ids = specs.map(({ id }) => id);
  specs.push(...taskHooks, ...runHooks.map((on) => hookSpec(ids, "run", on)));
  // Some runs are late, and of those some are cancelled.
  const action = tasks.length % 2 === 0 ? "notify" : "cancel";
  const deadline = tasks.length % 3 === 0 ? { deadline: { afterMs: 1_000_000, action } as const } : {};
  return buildPlan(specs, { runTimeoutMs: 3_600_000, ...deadline });
}

function shuffle(size: number, picks: fc.Stream<number>): readonly number[] {
  const left = Array.from({ length: size }, (_, index) => index);
  return [...picks.take(size)].map((pick) => left.splice(pick % left.length, 1)[0] ?? 0);
}

/** One thing that happens, before it is known to what: `pick` chooses among the instances that it may happen to. */
export interface RandomAction {
  readonly kind: ActionKind;
  readonly pick: number;
  readonly detail: number;
  /** Mostly 0: the event's fence, generation or try is off by this. */
  readonly off: number;
}

const weights = {
  claim: 12,
  success: 8,
  failed: 6,
  skipped: 1,
  deferred: 2,
  lost: 3,
  released: 6,
  retry_due: 6,
  evaluated: 8,
  wait_begun: 6,
  answered: 6,
  instance_timeout: 1,
  run_timeout: 0.2,
  deadline: 0.4,
  cancel: 0.2,
  pause: 0.4,
  mark: 0.8,
  clear: 0.8,
  rerun: 0.8,
} as const;

type ActionKind = keyof typeof weights;

export const arbitraryAction: fc.Arbitrary<RandomAction> = fc.record({
  kind: fc.oneof(
    ...(Object.keys(weights) as ActionKind[]).map((kind) => ({
      weight: weights[kind] * 5,
      arbitrary: fc.constant(kind),
    })),
  ),
  pick: fc.nat(),
  detail: fc.nat(),
  off: fc.oneof({ weight: 12, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(-1, 1) }),
});

const isIn =
  (...states: TaskState[]) =>
  (row: Instance): boolean =>
    states.includes(row.state);

const isTaken = (row: Instance): boolean => row.state === "running" && row.held;

/** The instances that an action is made for; null where it is about the run, or about any. */
const fitting: Readonly<Record<ActionKind, ((row: Instance) => boolean) | null>> = {
  claim: (row) => row.state === "queued" && row.itemsTotal === 0 && !row.held && row.waitsFor === null,
  success: isTaken,
  failed: isTaken,
  skipped: isTaken,
  deferred: isTaken,
  lost: (row) => row.held,
  released: (row) => row.held,
  retry_due: isIn("up_for_retry"),
  evaluated: (row) => row.awaitsEvaluation,
  wait_begun: (row) => row.state === "queued" && row.waitsFor === unstartedWait,
  answered: (row) => row.state === "queued" && row.waitsFor !== null,
  instance_timeout: isIn("queued", "running", "up_for_retry"),
  run_timeout: null,
  deadline: null,
  cancel: null,
  pause: null,
  mark: null,
  clear: null,
  rerun: null,
};

const advancing: readonly ActionKind[] = [
  ...(["claim", "success", "evaluated", "retry_due", "released"] as const),
  ...(["wait_begun", "answered", "clear"] as const),
];

/**
 * The event that an action means for this run. One that fits nothing becomes one that moves the run on, unless it is
 * meant to be wrong (`off`): stale, about another instance, or nonsense.
 */
export function toEvent(run: RunAggregate, action: RandomAction): RunEvent {
  const isPossible = (kind: ActionKind): boolean => fitting[kind] === null || run.instances.some(fitting[kind]);
  const isMeant = action.off !== 0 || isPossible(action.kind);
  const kind = isMeant ? action.kind : (advancing.find(isPossible) ?? action.kind);
  const fits = action.off === 0 ? fitting[kind] : null;
  const candidates = fits === null ? run.instances : run.instances.filter(fits);
  const row = candidates[action.pick % candidates.length];
  if (row === undefined) throw new Error("a run has at least one instance");
  return eventFor(run, row, { ...action, kind });
}

function eventFor(run: RunAggregate, row: Instance, { kind, pick, detail, off }: RandomAction): RunEvent {
  const { ordinal, generation } = row;
  switch (kind) {
    case "claim":
      return { kind, ordinal, generation, tryNumber: row.tryNumber + 1 + off, workerKey: 1 + (detail % 3) };
    case "success":
    case "failed":
    case "skipped":
    case "deferred":
      return { kind: "outcome", ordinal, fence: row.fence + off, outcome: outcomeOf(kind, detail) };
    case "lost":
      return { kind, ordinal, fence: row.heldFence + off, free: detail % 3 === 0 };
    case "released":
      return { kind, ordinal, fence: row.heldFence + off };
    case "retry_due":
      return { kind, ordinal, fence: row.fence + off };
    case "instance_timeout":
      return { kind, ordinal, fence: row.fence + off, which: detail % 2 === 0 ? "queue_timeout" : "retry_timeout" };
    case "evaluated":
      return { kind, ordinal, generation: generation + off, result: evaluationOf(detail) };
    case "wait_begun": {
      const waitsFor = detail % 2 === 0 ? "time" : "approval";
      return { kind, ordinal, fence: row.fence + off, waitsFor, dueAt: detail % 3 === 0 ? detail % 100_000 : null };
    }
    case "answered":
      return { kind, ordinal, fence: row.fence + off, outcome: outcomeOf(answers[detail % answers.length], detail) };
    case "run_timeout":
    case "deadline":
      return { kind };
    case "cancel":
      return { kind, reason: "" };
    case "pause":
      return { kind, isPaused: detail % 3 === 0 };
    case "mark": {
      const state = (["success", "failed", "skipped"] as const)[detail % 3] ?? "success";
      const includeDownstream = detail % 2 === 0;
      return { kind, ordinals: someOrdinals(run, pick), state, includeDownstream, author: someone };
    }
    case "clear":
      return { kind, ordinals: someOrdinals(run, pick), includeDownstream: detail % 3 > 0, author: someone };
    case "rerun":
      return { kind, from: someTasks(run, pick), target: someTarget(run, { detail, off }), author: someone };
  }
}

function someOrdinals({ instances }: RunAggregate, pick: number): readonly number[] {
  const count = pick % 4;
  return Array.from({ length: count === 0 ? 1 : count }, (_, place) => (pick + place * 7919) % instances.length);
}

function someTasks({ plan }: RunAggregate, pick: number): "failed" | "all" | readonly string[] {
  if (pick % 3 === 0) return "failed";
  return pick % 7 === 0 ? "all" : [plan.tasks[pick % plan.tasks.length]?.id ?? ""];
}

/** Mostly another version; now and then only other parameters, or neither. */
function someTarget(run: RunAggregate, { detail, off }: Pick<RandomAction, "detail" | "off">): RerunTarget | null {
  if (detail % 5 === 0) return null;
  const revision = run.run.revision + off;
  const parameters = detail % 2 === 0 ? { values: { n: detail }, warnings: [] } : null;
  if (detail % 5 === 1) return { revision, version: null, parameters };
  const version = run.run.versionKey + 1;
  return { revision, version: { versionKey: version, version, plan: otherVersion(run, detail) }, parameters };
}

const answers = ["success", "success", "failed", "skipped", "deferred"] as const;

function outcomeOf(kind: (typeof answers)[number] = "success", detail: number): AttemptOutcome {
  const outputs = detail % 4 === 0 ? [{ key: "k", json: `${detail}` }] : [];
  switch (kind) {
    case "success":
      return { kind, outputs };
    case "failed":
      return { kind, outputs, failure: failureOf(detail) };
    case "skipped":
      return { kind };
    case "deferred":
      return { kind, dueAt: detail % 2 === 0 ? null : detail % 100_000, waitsFor: null };
  }
}

const failureCodes = ["exit_code", "exit_code", "exit_code", "timeout", "interrupted", "not_found", "out_of_memory"];

/** A failure that may be of any kind; `detail` below 7 with an exit code is an ordinary one. */
export function failureOf(detail: number): AttemptFailure {
  const code = failureCodes[detail % failureCodes.length] ?? "exit_code";
  const exitCode = code === "exit_code" ? 1 + (detail % 130) : null;
  return {
    code,
    message: code,
    exitCode,
    signal: null,
    retryable: null,
    retryAfterMs: null,
    random: (detail % 11) / 10,
  };
}

function evaluationOf(detail: number): EvaluationResult {
  if (detail % 8 === 0) return { kind: "skip" };
  if (detail % 8 === 1) return { kind: "fail", errorCode: "render_failed", errorMessage: "no such output" };
  if (detail % 8 < 5)
    return { kind: "fan_out", items: Array.from({ length: detail % 5 }, (_, index) => ({ key: `${index}` })) };
  return { kind: "run" };
}

const arbitraryAttempts: fc.Arbitrary<AttemptScript> = fc.record({
  troubles: fc.array(fc.constantFrom("exit_code", "exit_code", "lost", "interrupted", "deferred"), { maxLength: 4 }),
  last: fc.constantFrom("success", "success", "success", "skipped", "fatal"),
});

/** How each task of a plan behaves when nobody interferes. */
export function arbitraryScripts(size: number): fc.Arbitrary<readonly TaskScript[]> {
  const evaluation = fc.oneof(
    fc.constantFrom("run" as const, "skip" as const, "fail" as const),
    fc.array(arbitraryAttempts, { maxLength: 3 }),
  );
  return fc.array(fc.record({ evaluation, attempts: arbitraryAttempts }), { minLength: size, maxLength: size });
}
