import { isTerminal } from "#core/states.ts";
import type { ExplainedInstance, ExplanationFacts } from "#ports/explanation-facts.ts";
import { countText } from "./count-text.ts";
import { explainInstanceLimits, explainRunLimits, type FullLimits } from "./explain-limits.ts";
import { explainPlacement } from "./explain-placement.ts";

/** One cause for which a task instance waits, or what it does; docs/repair.md lists the codes. */
export interface WaitCause {
  readonly code: string;
  readonly text: string;
  /** What of it has a name and can be looked at, in the order of the text. */
  readonly heldBy?: readonly WaitHolder[];
}

/** A task instance, or a run as a whole, that holds another back. */
export interface WaitHolder {
  readonly runId: string;
  /** Null: the run itself. */
  readonly taskId: string | null;
  readonly mapIndex: number | null;
  /** The words of the cause that stand for it. */
  readonly text: string;
}

/** Names that are said of a list; the rest is counted. */
const mostNames = 5;

/** What is known of the run, and which limits are full. */
export interface WaitFacts extends ExplanationFacts {
  readonly fullLimits: FullLimits;
}

type Facts = Pick<WaitFacts, "run" | "now" | "workers" | "queueDepths" | "fullLimits">;

/** Why an instance waits, in words; several causes where each of them alone would keep it back. */
export function explainWait(instance: ExplainedInstance, facts: Facts): readonly WaitCause[] {
  switch (instance.state) {
    case "none":
      return [...pause(facts), ...waitsToBeReady(instance, facts)];
    case "queued":
      return [...pause(facts), ...waitsInQueue(instance, facts)];
    case "up_for_retry":
      return [...pause(facts), retries(instance, facts)];
    case "running":
      return [runs(instance)];
    default:
      return [ended(instance, facts)];
  }
}

/** One sentence about a run as a whole. */
export function summarizeRun({ run, instances, unfinishedCount }: ExplanationFacts): string {
  if (!run.isAdmitted && run.endedAt === null) return "the run waits for room in a limit; nothing of it is queued";
  if (run.endedAt !== null) return `the run has ended: ${run.state}`;
  if (instances.every((instance) => isTerminal(instance.state)))
    return `all tasks have ended; ${countText(unfinishedCount, "attempt is", "attempts are")} still being stopped`;
  const paused = run.isPaused ? ", and it is paused" : "";
  return `the run is ${run.state}${paused}; ${countText(unfinishedCount, "task instance has", "task instances have")} not ended`;
}

function pause({ run }: Facts): readonly WaitCause[] {
  if (!run.isPaused) return [];
  return [{ code: "paused", text: "the run is paused: no attempt starts until it is resumed" }];
}

function waitsToBeReady(instance: ExplainedInstance, { run, fullLimits }: Facts): readonly WaitCause[] {
  if (instance.awaitsEvaluation) {
    const stopping = "an attempt of its earlier life is still being stopped; its items are made when that is gone";
    const looking = "its parents allow it to run; its `when` or `for_each` is being looked at";
    return [{ code: instance.isTaskHeld ? "stopping" : "evaluation", text: instance.isTaskHeld ? stopping : looking }];
  }
  const waiting = instance.parents.filter((parent) => !isTerminal(parent.state));
  if (waiting.length === 0 && !run.isAdmitted) return explainRunLimits(run, fullLimits);
  return [namesTasks("parents", "waits for", { tasks: waiting, run })];
}

function waitsInQueue(instance: ExplainedInstance, facts: Facts): readonly WaitCause[] {
  const limits = instance.isHeld || instance.itemsTotal > 0 ? [] : explainInstanceLimits(instance, facts.fullLimits);
  return limits.length > 0 ? limits : [waitsForWorker(instance, facts)];
}

function waitsForWorker(instance: ExplainedInstance, facts: Facts): WaitCause {
  const { now } = facts;
  const { itemsTotal, itemsEnded, dueAt, waitsFor } = instance;
  if (itemsTotal > 0) return { code: "items", text: `${itemsEnded} of its ${itemsTotal} items have ended` };
  if (instance.isHeld) {
    const text = `its earlier attempt is still being stopped${onWorker(instance)}; the next one starts when that is gone`;
    return { code: "stopping", text };
  }
  if (waitsFor !== null) return { code: "deferred", text: waitText(waitsFor, dueAt, now) };
  if (dueAt !== null && dueAt > now)
    return { code: "deferred", text: `it gave its worker back and goes on ${inTime(dueAt, now)}` };
  return explainPlacement(instance, facts);
}

/** What tasks wait for that need no worker; anything else was said by a worker that gave its attempt back. */
function waitText(waitsFor: string, dueAt: number | null, now: number): string {
  const isComing = dueAt !== null && dueAt > now;
  switch (waitsFor) {
    case "executor":
      return "it needs no worker; an executor begins its wait at the next look";
    case "time":
      return isComing ? `it waits, and goes on ${inTime(dueAt, now)}` : "its time has come; it ends at the next look";
    case "condition":
      return `its \`condition\` is not true yet${isComing ? `; it is looked at again ${inTime(dueAt, now)}` : ""}`;
    case "approval":
      return `it waits for an answer; \`millrace approvals\` shows the question${isComing ? `, which ends ${inTime(dueAt, now)}` : ""}`;
    case "run":
      return "it waits for the end of the run that it has triggered";
    default:
      return `it gave its worker back and waits for ${waitsFor}`;
  }
}

function retries({ tryNumber, dueAt }: ExplainedInstance, { now }: Facts): WaitCause {
  const when = dueAt === null || dueAt <= now ? "now" : inTime(dueAt, now);
  return { code: "retry_due", text: `attempt ${tryNumber} failed; the next is due ${when}` };
}

function runs(instance: ExplainedInstance): WaitCause {
  const { itemsTotal, itemsEnded, startedAt, tryNumber } = instance;
  if (itemsTotal > 0) return { code: "items", text: `${itemsEnded} of its ${itemsTotal} items have ended` };
  const since = startedAt === null ? "" : ` since ${new Date(startedAt).toISOString()}`;
  return { code: "running", text: `attempt ${tryNumber} runs${onWorker(instance)}${since}` };
}

function ended(instance: ExplainedInstance, { run }: Facts): WaitCause {
  const { state, reason, parents } = instance;
  if (instance.isHeld)
    return { code: "stopping", text: `it ended ${state}; its attempt is still being stopped${onWorker(instance)}` };
  const broken = parents.filter((parent) => parent.state === "failed" || parent.state === "upstream_failed");
  if (state === "upstream_failed") return namesTasks("ended", "it never ran:", { tasks: broken, run });
  if (reason === "trigger_rule") return namesTasks("ended", "its trigger rule did not hold:", { tasks: parents, run });
  return { code: "ended", text: `it has ended: ${state}${reason === null ? "" : ` (${reason})`}` };
}

function onWorker({ workerId }: ExplainedInstance): string {
  return workerId === null ? "" : ` on worker ${workerId}`;
}

/** A cause that names tasks of the run with their states. */
function namesTasks(
  code: string,
  beginning: string,
  { tasks, run }: { tasks: ExplainedInstance["parents"]; run: Facts["run"] },
): WaitCause {
  const heldBy = tasks.slice(0, mostNames).map(({ taskId, state }) => {
    return { runId: run.runId, taskId, mapIndex: null, text: `${taskId} (${state})` };
  });
  const more = tasks.length - heldBy.length;
  const names = heldBy.map(({ text }) => text).join(", ");
  return { code, text: `${beginning} ${names}${more > 0 ? ` and ${more} more` : ""}`, heldBy };
}

function inTime(at: number, now: number): string {
  return `at ${new Date(at).toISOString()}, in ${Math.ceil((at - now) / 1000)} s`;
}
