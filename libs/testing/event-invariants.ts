import { parentEdges } from "#core/graph.ts";
import { isTerminal } from "#core/states.ts";
import { rowOf } from "./instance-invariants.ts";
import type { RunStep } from "./run-step.ts";

/** Rules that do not wait for all parents, so that a child may well come before some of them. */
const impatientRules: ReadonlySet<string> = new Set(["always", "one_success", "one_failed"]);

/** Events of a step: no gap, one for each end and each start, children after their parents (G7). */
export function checkEvents(step: RunStep): readonly string[] {
  const { before, decision, after } = step;
  const problems: string[] = [];
  decision.events.forEach((event, place) => {
    const expected = before.run.eventSequence + place + 1;
    if (event.sequence !== expected) problems.push(`event ${event.sequence} should be ${expected} (G7)`);
  });
  if (after.run.eventSequence !== before.run.eventSequence + decision.events.length) {
    problems.push(`the run's event sequence is ${after.run.eventSequence} after ${decision.events.length} events (G7)`);
  }
  const ofRun = decision.events.filter(({ ordinal }) => ordinal === null);
  const runEvents = new Set(ofRun.map(({ eventType }) => eventType));
  const isNewState = after.run.state !== before.run.state;
  if (runEvents.has(`dag_run.${after.run.state}`) !== isNewState)
    problems.push("the events do not tell the run's state");
  const isNewEnd = after.run.endedAt !== null && before.run.endedAt === null;
  if (runEvents.has("dag_run.ended") !== isNewEnd) problems.push("the events do not tell the run's end");
  const started = new Set(
    decision.events.filter(({ eventType }) => eventType === "task_instance.running").map(({ ordinal }) => ordinal),
  );
  for (const { kind, ordinal } of decision.attempts) {
    if (kind === "opened" && !started.has(ordinal)) problems.push(`no event tells that instance ${ordinal} runs`);
  }
  return [...problems, ...checkEnds(step), ...checkOrder(step)];
}

/** Each instance that ended says so, last of all its events; a removed item is part of its group's rerun. */
function checkEnds({ before, decision, after }: RunStep): readonly string[] {
  const lastEvent = new Map(decision.events.map(({ ordinal, eventType }) => [ordinal, eventType]));
  return decision.instances.flatMap(({ next }) => {
    const from = before.instances[next.ordinal]?.state ?? "none";
    const to = after.instances[next.ordinal]?.state ?? "none";
    if (isTerminal(from) || !isTerminal(to) || to === "removed") return [];
    const expected = `task_instance.${to === "success" || to === "failed" ? to : "skipped"}`;
    const last = lastEvent.get(next.ordinal);
    return last === expected ? [] : [`instance ${next.ordinal} ended ${to}, its last event is ${last}`];
  });
}

function checkOrder({ before, decision, after }: RunStep): readonly string[] {
  const firstEvent = new Map<number, number>();
  const firstEnd = new Map<number, number>();
  for (const { ordinal, sequence, eventType } of decision.events) {
    if (ordinal === null) continue;
    if (!firstEvent.has(ordinal)) firstEvent.set(ordinal, sequence);
    if (/\.(?:success|failed|skipped)$/.test(eventType) && !firstEnd.has(ordinal)) firstEnd.set(ordinal, sequence);
  }
  return [...firstEvent].flatMap(([ordinal, first]) => {
    const [was, is] = [before.instances[ordinal], after.instances[ordinal]];
    const rule = is === undefined ? "always" : (after.plan.tasks[is.task]?.triggerRule ?? "always");
    const isOrdered =
      was?.state === "none" && is?.mapIndex === null && is.generation === was.generation && is.reason !== "manual";
    if (!isOrdered || impatientRules.has(rule)) return [];
    const parents = [...parentEdges(after.plan.graph, is.task)].map(({ task }) => rowOf(after, task));
    const late = parents.filter((parent) => {
      const old = before.instances[parent.ordinal];
      const wasOver = isTerminal(old?.state ?? "none");
      return old?.generation === parent.generation && !wasOver && (firstEnd.get(parent.ordinal) ?? 0) > first;
    });
    return late.map((parent) => `instance ${ordinal} was told of before the end of its parent ${parent.ordinal} (G7)`);
  });
}
