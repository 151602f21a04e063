import { parentEdges } from "#core/graph.ts";
import type { Hook } from "#core/hook.ts";
import type { Decision } from "#core/decision.ts";
import type { Instance, RunAggregate } from "#core/run-model.ts";

/**
 * A hook that was called, or passed over by its rule, in this transaction: what it waited for has ended as it says, by the
 * states of those rows alone. Where somebody marked states by hand, these are not those that it saw.
 */
export function checkHooks(before: RunAggregate, { instances }: Decision, after: RunAggregate): readonly string[] {
  if (instances.some(({ next }) => next.reason === "manual")) return [];
  return instances.flatMap(({ next }) => {
    const hook = after.plan.tasks[next.task]?.hook;
    const isDecided = before.instances[next.ordinal]?.state === "none" && next.state !== "none";
    if (hook === undefined || next.mapIndex !== null || !isDecided) return [];
    const isCalled = next.state !== "skipped" || next.reason === "when";
    if (!isCalled && next.reason !== "trigger_rule") return [];
    const waitedFor = waitedForBy(after, next);
    if (waitedFor.every(({ endedAt }) => endedAt !== null) && isCalled === hasEndedSo(waitedFor, hook)) return [];
    return [`hook ${next.ordinal} of a ${hook.of} on ${hook.on} was ${isCalled ? "called" : "passed over"} wrongly`];
  });
}

function waitedForBy({ plan, instances }: RunAggregate, { task }: Instance): readonly Instance[] {
  const parents = new Set([...parentEdges(plan.graph, task)].map((edge) => edge.task));
  return instances.filter((row) => parents.has(row.task) && row.mapIndex === null);
}

function hasEndedSo(ended: readonly Instance[], { of, on }: Hook): boolean {
  if (of === "task") return ended.some(({ state }) => state === (on === "success" ? "success" : "failed"));
  const hasFailed = ended.some(({ state, exempt }) => (state === "failed" || state === "upstream_failed") && !exempt);
  return hasFailed === (on === "failure");
}
