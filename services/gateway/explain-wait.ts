import { isTerminal, type TaskState } from "#core/states.ts";
import type { ExplainedInstance, ExplanationFacts } from "#ports/explanation-facts.ts";

/** One cause for which a task instance waits, or what it does; docs/repair.md lists the codes. */
export interface WaitCause {
  readonly code: string;
  readonly text: string;
}

/** Names that are said of a list; the rest is counted. */
const mostNames = 5;

type Facts = Pick<ExplanationFacts, "run" | "now" | "workers" | "queueDepths">;

/** Why an instance waits, in words; several causes where each of them alone would keep it back. */
export function explainWait(instance: ExplainedInstance, facts: Facts): readonly WaitCause[] {
  switch (instance.state) {
    case "none":
      return [...pause(facts), ...waitsToBeReady(instance)];
    case "queued":
      return [...pause(facts), waitsForWorker(instance, facts)];
    case "up_for_retry":
      return [...pause(facts), retries(instance, facts)];
    case "running":
      return [runs(instance)];
    default:
      return [ended(instance)];
  }
}

/** One sentence about a run as a whole. */
export function summarizeRun({ run, instances, unfinishedCount }: ExplanationFacts): string {
  if (run.endedAt !== null) return `the run has ended: ${run.state}`;
  if (instances.every((instance) => isTerminal(instance.state)))
    return `all tasks have ended; ${count(unfinishedCount, "attempt is", "attempts are")} still being stopped`;
  const paused = run.isPaused ? ", and it is paused" : "";
  return `the run is ${run.state}${paused}; ${count(unfinishedCount, "task instance has", "task instances have")} not ended`;
}

function pause({ run }: Facts): readonly WaitCause[] {
  if (!run.isPaused) return [];
  return [{ code: "paused", text: "the run is paused: no attempt starts until it is resumed" }];
}

function waitsToBeReady(instance: ExplainedInstance): readonly WaitCause[] {
  if (instance.awaitsEvaluation) {
    const stopping = "an attempt of its earlier life is still being stopped; its items are made when that is gone";
    const looking = "its parents allow it to run; its `when` or `for_each` is being looked at";
    return [{ code: instance.isTaskHeld ? "stopping" : "evaluation", text: instance.isTaskHeld ? stopping : looking }];
  }
  const waiting = instance.parents.filter((parent) => !isTerminal(parent.state));
  return [{ code: "parents", text: `waits for ${names(waiting)}` }];
}

function waitsForWorker(instance: ExplainedInstance, { now, workers, queueDepths }: Facts): WaitCause {
  const { queue, itemsTotal, itemsEnded, dueAt, waitsFor } = instance;
  if (itemsTotal > 0) return { code: "items", text: `${itemsEnded} of its ${itemsTotal} items have ended` };
  if (instance.isHeld) {
    const text = `its earlier attempt is still being stopped${onWorker(instance)}; the next one starts when that is gone`;
    return { code: "stopping", text };
  }
  if (waitsFor !== null) return { code: "deferred", text: `it gave its worker back and waits for ${waitsFor}` };
  if (dueAt !== null && dueAt > now)
    return { code: "deferred", text: `it gave its worker back and goes on ${inTime(dueAt, now)}` };
  const taking = workers.filter((worker) => worker.queues.includes(queue));
  if (taking.length === 0)
    return { code: "no_worker", text: `no live worker takes queue ${queue}${otherQueues(workers)}` };
  if (taking.every((worker) => worker.freeSlots === 0)) {
    const slots = taking.reduce((sum, worker) => sum + worker.slots, 0);
    const depth = queueDepths.get(queue) ?? 0;
    const busy = `${count(slots, "slot", "slots")} of ${count(taking.length, "worker that takes", "workers that take")} queue ${queue}`;
    return {
      code: "workers_busy",
      text: `no free slot: ${busy} ${slots === 1 ? "is" : "are"} taken, and ${count(depth, "attempt waits", "attempts wait")} in the queue`,
    };
  }
  return {
    code: "dispatching",
    text: `a worker that takes queue ${queue} has a free slot; it starts at the next look`,
  };
}

function otherQueues(workers: Facts["workers"]): string {
  if (workers.length === 0) return ": no worker is connected";
  const queues = [...new Set(workers.flatMap((worker) => worker.queues))].toSorted();
  return `; the workers take ${queues.slice(0, mostNames).join(", ")}`;
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

function ended(instance: ExplainedInstance): WaitCause {
  const { state, reason, parents } = instance;
  if (instance.isHeld)
    return { code: "stopping", text: `it ended ${state}; its attempt is still being stopped${onWorker(instance)}` };
  const broken = parents.filter((parent) => parent.state === "failed" || parent.state === "upstream_failed");
  if (state === "upstream_failed") return { code: "ended", text: `it never ran: ${names(broken)}` };
  if (reason === "trigger_rule") return { code: "ended", text: `its trigger rule did not hold: ${names(parents)}` };
  return { code: "ended", text: `it has ended: ${state}${reason === null ? "" : ` (${reason})`}` };
}

function onWorker({ workerId }: ExplainedInstance): string {
  return workerId === null ? "" : ` on worker ${workerId}`;
}

function names(tasks: readonly { readonly taskId: string; readonly state: TaskState }[]): string {
  const shown = tasks.slice(0, mostNames).map(({ taskId, state }) => `${taskId} (${state})`);
  const more = tasks.length - shown.length;
  return `${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}

function inTime(at: number, now: number): string {
  return `at ${new Date(at).toISOString()}, in ${Math.ceil((at - now) / 1000)} s`;
}
