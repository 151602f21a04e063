import { childEdges, type EdgeCondition, parentEdges } from "./graph.ts";
import { decideHook } from "./hook.ts";
import type { RunDraft } from "./run-draft.ts";
import type { Instance, ParentCounts } from "./run-model.ts";
import { type EndKind, isTerminal, type TerminalState } from "./states.ts";
import { decideRule, type RuleVerdict } from "./trigger-rule.ts";
import { firstWaitOf } from "./unstarted-wait.ts";

/** How a parent's end looks through the edge. A removed parent counts as skipped. */
export function mapEnd(state: TerminalState, on: EdgeCondition): EndKind {
  if (on === "completion") return "success";
  if (state === "removed") return "skipped";
  if (on === "success") return state;
  return state === "failed" || state === "upstream_failed" ? "success" : "skipped";
}

const countField = {
  success: "success",
  failed: "failed",
  upstream_failed: "upstreamFailed",
  skipped: "skipped",
} as const satisfies Record<EndKind, keyof ParentCounts>;

/** Publishes the end of an instance: `upstream_failed` and `removed` are a `skipped` with that state. */
export function announceEnd(draft: RunDraft, instance: Instance, more: Readonly<Record<string, unknown>> = {}): void {
  const { state, reason } = instance;
  const eventType = state === "success" || state === "failed" ? `task_instance.${state}` : "task_instance.skipped";
  const data = state === "success" || state === "failed" ? {} : { state };
  draft.emit(eventType, instance.ordinal, { ...data, ...(reason === null ? {} : { reason }), ...more });
}

/**
 * Tells the children that these instances have ended, once each (G5), and goes on with the children that end by it.
 * Items of a fan-out tell nobody; their group does. No recursion: chains of 10,000 are ordinary.
 */
export function propagateEnds(draft: RunDraft, ended: Iterable<number>): void {
  const queue = [...ended];
  for (let place = 0; place < queue.length; place += 1) {
    const parent = draft.get(queue[place] ?? 0);
    if (parent.mapIndex !== null || !isTerminal(parent.state)) continue;
    for (const edge of childEdges(draft.plan.graph, parent.task)) {
      const child = countEnd(draft, draft.ofTask(edge.task), parent, edge.on);
      if (settleRule(draft, child)) queue.push(child.ordinal);
    }
  }
}

/** One parent less to wait for, one end of its kind more. */
function countEnd(draft: RunDraft, child: Instance, parent: Instance, on: EdgeCondition): Instance {
  const counted = addEnd(child, parent, on, 1);
  return draft.put({ ...counted, inDegree: child.inDegree - 1 }, "note");
}

/**
 * A mark changed one end into another: the children's counts are swapped, never decremented again. A child that waits
 * has other parents to wait for, so that this can only start it, by an early rule, and never end it.
 */
export function swapEnd(draft: RunDraft, before: Instance, after: Instance): void {
  for (const edge of childEdges(draft.plan.graph, after.task)) {
    const child = draft.ofTask(edge.task);
    settleRule(draft, draft.put(addEnd(addEnd(child, before, edge.on, -1), after, edge.on, 1), "note"));
  }
}

function addEnd(child: Instance, parent: Instance, on: EdgeCondition, by: 1 | -1): Instance {
  if (!isTerminal(parent.state)) return child;
  const kind = mapEnd(parent.state, on);
  const isFailure = kind === "failed" || kind === "upstream_failed";
  return {
    ...child,
    parents: { ...child.parents, [countField[kind]]: child.parents[countField[kind]] + by },
    exemptParents: child.exemptParents + (isFailure && parent.exempt ? by : 0),
  };
}

/** What the rule of an instance says, by the counts of its parents. */
export function ruleOf(draft: RunDraft, instance: Instance): RuleVerdict {
  const { hook, triggerRule } = draft.taskOf(instance);
  if (hook !== undefined) return decideHook(hook, instance, draft.hasFailed);
  const { success, failed, upstreamFailed, skipped } = instance.parents;
  return decideRule(triggerRule, instance.inDegree, success, failed, upstreamFailed, skipped);
}

/** Lets a waiting instance's rule decide. True when it ended by that and its own children must be told. */
export function settleRule(draft: RunDraft, instance: Instance): boolean {
  if (instance.state !== "none" || instance.awaitsEvaluation) return false;
  const task = draft.taskOf(instance);
  const { failed, upstreamFailed } = instance.parents;
  const verdict = ruleOf(draft, instance);
  switch (verdict) {
    case "wait":
      return false;
    case "run":
      if (!draft.isAdmitted) return false;
      if (task.evaluated) {
        draft.put({ ...instance, awaitsEvaluation: true }, "note");
        draft.evaluateOrdinals.push(instance.ordinal);
      } else {
        draft.put({ ...instance, state: "queued", waitsFor: firstWaitOf(task), queuedAt: draft.now }, "rule");
        draft.emit("task_instance.queued", instance.ordinal);
      }
      return false;
    case "upstream_failed":
    case "skipped":
      announceEnd(
        draft,
        draft.put(
          {
            ...instance,
            state: verdict,
            reason: verdict === "upstream_failed" ? null : "trigger_rule",
            exempt: verdict === "upstream_failed" && instance.exemptParents === failed + upstreamFailed,
            endedAt: draft.now,
          },
          "rule",
        ),
      );
      return true;
  }
}

/** In-degree and counts of an instance, from scratch: what a new generation begins with. */
export function recountParents(draft: RunDraft, instance: Instance): Instance {
  let counted: Instance = {
    ...instance,
    inDegree: 0,
    parents: { success: 0, failed: 0, upstreamFailed: 0, skipped: 0 },
    exemptParents: 0,
  };
  for (const edge of parentEdges(draft.plan.graph, instance.task)) {
    const parent = draft.ofTask(edge.task);
    counted = isTerminal(parent.state)
      ? addEnd(counted, parent, edge.on, 1)
      : { ...counted, inDegree: counted.inDegree + 1 };
  }
  return counted;
}
