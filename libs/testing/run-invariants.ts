import type { Decision, EventChange } from "#core/decision.ts";
import type { Instance, RunAggregate, RunRow } from "#core/run-model.ts";
import { isTerminal } from "#core/states.ts";
import { checkAttempts } from "./attempt-invariants.ts";
import { checkEvents } from "./event-invariants.ts";
import { checkInstance, checkTransitions } from "./instance-invariants.ts";
import { referenceRunState } from "./run-reference.ts";
import type { RunStep } from "./run-step.ts";

/**
 * Everything that must hold of one decision, judged from the rows alone and without the rules of the core: what is
 * wrong, one sentence each, empty when nothing is. `after` is the run as the store has it once the decision is written.
 */
export function checkRunInvariants(before: RunAggregate, decision: Decision, after: RunAggregate): readonly string[] {
  const step: RunStep = { before, decision, after };
  return [
    ...checkRows(step),
    ...checkTransitions(step),
    ...after.instances.flatMap((instance) => checkInstance(after, instance)),
    ...checkAttempts(step),
    ...checkEvents(step),
    ...checkRun(step),
    ...checkAdvice(step),
  ];
}

/** Guards name the rows before, each row is written once, what is not written stays, and something is. */
function checkRows({ before, decision, after }: RunStep): readonly string[] {
  const problems: string[] = [];
  const written = new Set<number>();
  let isChanged = JSON.stringify(flagsOf(before.run)) !== JSON.stringify(flagsOf(after.run));
  for (const { next, guard } of decision.instances) {
    const row = before.instances[next.ordinal];
    if (written.has(next.ordinal)) problems.push(`instance ${next.ordinal} is written twice`);
    written.add(next.ordinal);
    if (guard?.state !== row?.state || guard?.fence !== row?.fence)
      problems.push(`the guard of instance ${next.ordinal} is not its row`);
    if (after.instances[next.ordinal] === undefined) problems.push(`instance ${next.ordinal} was not written`);
    if (JSON.stringify(row) !== JSON.stringify(next)) isChanged = true;
  }
  if (!isChanged) problems.push("a decision without a change");
  after.instances.forEach((row, place) => {
    if (row.ordinal !== place) problems.push(`instance ${row.ordinal} stands at place ${place}`);
    const isSame = written.has(place) || JSON.stringify(row) === JSON.stringify(before.instances[place]);
    if (!isSame) problems.push(`instance ${place} changed without being written`);
  });
  if (decision.expectedSequence !== before.run.sequence) problems.push("the expected sequence is not the run's");
  if (after.run.sequence !== before.run.sequence + 1)
    problems.push(`the sequence goes from ${before.run.sequence} to ${after.run.sequence}`);
  return [...problems, ...checkVersion({ before, decision, after })];
}

/** Version, parameters and revision change together, and every instance has a task of its plan, each task one. */
function checkVersion({ before, decision, after }: RunStep): readonly string[] {
  const problems: string[] = [];
  const isOther = before.run.versionKey !== after.run.versionKey;
  const isNewRevision = after.run.revision > before.run.revision;
  if (isNewRevision !== (isOther || decision.parameters !== null))
    problems.push("the revision does not tell whether version or parameters changed");
  if (!isOther && decision.plan !== before.plan) problems.push("another plan of the same version");
  const groups = after.instances.filter(({ mapIndex }) => mapIndex === null);
  const places = groups.map(({ task }) => task).toSorted(ascending);
  if (places.join() !== [...after.plan.tasks.keys()].join())
    problems.push("instances and tasks do not belong together");
  const own = after.plan.tasks.length - after.run.removedTasks.length;
  if (after.plan.tasks.slice(own).some((task, place) => task.id !== after.run.removedTasks[place]))
    problems.push("the plan does not end with the removed tasks");
  for (const row of groups) {
    const [was, is] = [before.plan.tasks[before.instances[row.ordinal]?.task ?? -1], after.plan.tasks[row.task]];
    if (was !== undefined && was.id !== is?.id) problems.push(`instance ${row.ordinal} was ${was.id}, is ${is?.id}`);
    if ((row.state === "removed") !== row.task >= own)
      problems.push(`instance ${row.ordinal} ${row.state}: is its task there?`);
  }
  return problems;
}

/** The run's row follows from its instances. */
function checkRun({ before, decision, after }: RunStep): readonly string[] {
  const problems: string[] = [];
  const { run, instances } = after;
  const tasks = instances.filter(({ mapIndex }) => mapIndex === null);
  for (const [state, count] of Object.entries(run.counts)) {
    const found = tasks.filter((task) => task.state === state).length;
    if (found !== count) problems.push(`the run counts ${count} ${state}, there are ${found}`);
  }
  const exempt = tasks.filter((task) => task.exempt).length;
  if (run.exemptCount !== exempt)
    problems.push(`the run counts ${run.exemptCount} exempt failures, there are ${exempt}`);
  const held = instances.filter((instance) => instance.held).length;
  if (run.heldCount !== held) problems.push(`the run counts ${run.heldCount} held attempts, there are ${held}`);
  const state = referenceRunState(after);
  if (run.state !== state) problems.push(`the run is ${run.state}, its instances make it ${state}`);
  const isOver = held === 0 && instances.every((instance) => isTerminal(instance.state));
  if ((run.endedAt !== null) !== isOver)
    problems.push(`the run ${run.endedAt === null ? "goes on though it is over" : "has ended too early"}`);
  const isBegin = ({ eventType, data }: EventChange): boolean =>
    eventType === "task_instance.queued" && Object.hasOwn(data, "waits_for");
  const isStarted =
    before.run.everStarted || decision.attempts.some(({ kind }) => kind === "opened") || decision.events.some(isBegin);
  if (run.everStarted !== isStarted) problems.push("everStarted does not tell whether something ran");
  if (isStarted !== (run.startedAt !== null)) problems.push("the run's start does not tell whether something ran");
  const isNewlyCancelled = run.cancelRequested && !before.run.cancelRequested;
  if (isNewlyCancelled && before.run.state === "failed" && !hasNewLifeOrMark(decision))
    problems.push("a failed run was cancelled");
  return problems;
}

/** What the caller is told to do next follows from the rows as well. */
function checkAdvice({ before, decision, after }: RunStep): readonly string[] {
  const problems: string[] = [];
  const isNew = (instance: Instance, is: (row: Instance) => boolean): boolean => {
    const row = before.instances[instance.ordinal];
    return is(instance) && (row === undefined || !is(row));
  };
  // A run that goes on after a pause offers everything that waits.
  const isOffered = (row: Instance): boolean =>
    before.run.isPaused ? mayBeDispatched(row) : isNew(row, mayBeDispatched);
  const ready = after.run.isPaused ? [] : after.instances.filter(isOffered).map(({ ordinal }) => ordinal);
  if (decision.readyOrdinals.toSorted(ascending).join() !== ready.join()) {
    problems.push(`ready are [${ready.join()}], the decision says [${decision.readyOrdinals.join()}] (G2)`);
  }
  const priorities = decision.readyOrdinals.map(
    (ordinal) => after.plan.tasks[after.instances[ordinal]?.task ?? -1]?.priority ?? 0,
  );
  if (priorities.some((priority, place) => priority > (priorities[place - 1] ?? priority)))
    problems.push("the most urgent is not ready first");
  const evaluate = new Set(decision.evaluateOrdinals);
  if (evaluate.size !== decision.evaluateOrdinals.length) problems.push("an instance is to be evaluated twice");
  for (const ordinal of evaluate) {
    if (after.instances[ordinal]?.awaitsEvaluation !== true)
      problems.push(`instance ${ordinal} has nothing to evaluate`);
  }
  for (const row of after.instances) {
    const isDue = isNew(row, ({ awaitsEvaluation }) => awaitsEvaluation);
    if (isDue && !evaluate.has(row.ordinal))
      problems.push(`instance ${row.ordinal} waits for an evaluation that nobody is told of (G2)`);
  }
  return problems;
}

function mayBeDispatched({ state, held, dueAt, waitsFor, itemsTotal }: Instance): boolean {
  return state === "queued" && !held && dueAt === null && waitsFor === null && itemsTotal === 0;
}

function flagsOf({ cancelRequested, isPaused, revision, deadlineAt, timeoutAt }: RunRow): readonly unknown[] {
  return [cancelRequested, isPaused, revision, deadlineAt, timeoutAt];
}

function hasNewLifeOrMark({ instances }: Decision): boolean {
  return instances.some(({ next }) => next.reason === "manual" || next.tryNumber === 0);
}

function ascending(a: number, b: number): number {
  return a - b;
}
