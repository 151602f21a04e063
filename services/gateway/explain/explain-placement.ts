import { mostQueuedTold } from "#core/queue-depth.ts";
import { hasRoom, type ResourceAmounts, type ResourceName, resourceNames } from "#core/resource-amounts.ts";
import { resourceText } from "#core/resource-text.ts";
import type { ExplainedInstance, ExplanationFacts, LiveWorker, ReservedFor } from "#ports/explanation-facts.ts";
import { countText } from "./count-text.ts";
import type { WaitCause } from "./explain-wait.ts";

/** Names that are said of a list. */
const mostNames = 5;

type Facts = Pick<ExplanationFacts, "run" | "workers" | "queueDepths">;

/** Why no worker has a queued instance yet that may go to one. */
export function explainPlacement(instance: ExplainedInstance, { run, workers, queueDepths }: Facts): WaitCause {
  const { queue, requests } = instance;
  const ofQueue = workers.filter((worker) => worker.queues.includes(queue));
  if (ofQueue.length === 0)
    return { code: "no_worker", text: `no live worker takes queue ${queue}${otherQueues(workers)}` };
  const taking = ofQueue.filter((worker) => lacks(instance, worker).length === 0);
  if (taking.length === 0) {
    const missing = [...new Set(ofQueue.flatMap((worker) => lacks(instance, worker)))].slice(0, mostNames);
    return { code: "no_worker", text: `no live worker of queue ${queue} has ${missing.join(" and ")}` };
  }
  const able = taking.filter(({ resources }) => hasRoom(resources, requests));
  if (able.length === 0) return tooLarge(instance, taking);
  const own = able.find(({ reservedFor }) => reservedFor !== null && isOf(reservedFor, instance, run.runId));
  if (own !== undefined) return keptForIt(instance, own);
  if (able.every((worker) => worker.freeSlots === 0)) {
    const slots = able.reduce((sum, worker) => sum + worker.slots, 0);
    const depth = queueDepths.get(queue) ?? 0;
    const waiting =
      depth > mostQueuedTold
        ? `more than ${mostQueuedTold} attempts wait`
        : countText(depth, "attempt waits", "attempts wait");
    const busy = `${countText(slots, "slot", "slots")} of ${countText(able.length, "worker that takes", "workers that take")} queue ${queue}`;
    return {
      code: "workers_busy",
      text: `no free slot: ${busy} ${slots === 1 ? "is" : "are"} taken, and ${waiting} in the queue`,
    };
  }
  const free = able.filter((worker) => worker.freeSlots > 0);
  const fitting = free.filter(({ room }) => hasRoom(room, requests));
  if (fitting.length === 0) return resourcesBusy(instance, free);
  if (fitting.every((worker) => isKeptFrom(worker, requests))) return keptForOthers(fitting);
  return {
    code: "dispatching",
    text: `a worker that takes queue ${queue} has a free slot; it starts at the next look`,
  };
}

/** What the task asks for and the worker does not have, in words. */
function lacks({ labels, operatorType, capabilities }: ExplainedInstance, worker: LiveWorker): readonly string[] {
  const missing = Object.entries(labels).filter(([name, value]) => worker.labels[name] !== value);
  const runs = worker.operators.length === 0 || worker.operators.includes(operatorType);
  const unable = capabilities.filter((capability) => !worker.capabilities.includes(capability));
  return [
    ...missing.map(([name, value]) => `the label ${name}=${value}`),
    ...(runs ? [] : [`the operator ${operatorType}`]),
    ...unable.map((capability) => `the capability ${capability}`),
  ];
}

function isOf(reserved: ReservedFor, { taskId, mapIndex }: ExplainedInstance, runId: string): boolean {
  return reserved.runId === runId && reserved.taskId === taskId && reserved.mapIndex === mapIndex;
}

/** A worker that keeps its room begins nothing else that asks for resources, and keeps a slot. */
function isKeptFrom({ reservedFor, freeSlots }: LiveWorker, requests: ResourceAmounts): boolean {
  return reservedFor !== null && (freeSlots === 1 || resourceNames.some((name) => requests[name] > 0));
}

function keptForIt({ requests }: ExplainedInstance, { workerId, reservedFor, room }: LiveWorker): WaitCause {
  const missing = hasRoom(room, requests) ? "a slot" : `enough: ${shortageText(requests, [room], "has left")}`;
  const text = `worker ${workerId} is kept for it${sinceText(reservedFor)}, and begins it when its running attempts have left ${missing}`;
  return { code: "reserved", text };
}

function keptForOthers(workers: readonly LiveWorker[]): WaitCause {
  const named = workers.slice(0, mostNames).map(({ workerId, reservedFor }) => {
    const { runId = "", taskId = "", mapIndex = null } = reservedFor ?? {};
    const task = mapIndex === null ? taskId : `${taskId}[${mapIndex}]`;
    const holder = { runId, taskId, mapIndex, text: `${task} of run ${runId}` };
    const words = `worker ${workerId} has room for it, and is kept${sinceText(reservedFor)} for ${holder.text}`;
    return { words, holder };
  });
  const more = workers.length - named.length;
  const text = `${named.map(({ words }) => words).join("; ")}${more > 0 ? `; and so are ${more} more` : ""}`;
  return { code: "workers_reserved", text, heldBy: named.map(({ holder }) => holder) };
}

function sinceText(reservedFor: ReservedFor | null): string {
  return reservedFor === null ? "" : ` since ${new Date(reservedFor.reservedAt).toISOString()}`;
}

function tooLarge({ queue, requests }: ExplainedInstance, workers: readonly LiveWorker[]): WaitCause {
  const totals = workers.map(({ resources }) => resources);
  const text = `no live worker of queue ${queue} could ever hold it: ${shortageText(requests, totals, "has")}`;
  return { code: "too_large", text: `${text}; ask for less, or start a larger worker` };
}

function resourcesBusy({ queue, requests }: ExplainedInstance, workers: readonly LiveWorker[]): WaitCause {
  const rooms = workers.map(({ room }) => room);
  const text = `running attempts have taken what it needs on queue ${queue}: ${shortageText(requests, rooms, "has left")}`;
  return { code: "resources_busy", text };
}

/** Of the resources that none of the rooms has enough of; of all that are asked for, where only no one has all of them. */
function shortageText(requests: ResourceAmounts, rooms: readonly ResourceAmounts[], has: string): string {
  const isShort = (name: ResourceName): boolean => rooms.every((room) => requests[name] > room[name]);
  const short = resourceNames.filter(isShort);
  if (short.length === 0) {
    const wanted = resourceNames.filter((name) => requests[name] > 0);
    return `it asks for ${resourceText(requests, wanted)}, and no single worker ${has} all of it`;
  }
  const largest = short.map((name) => {
    const most = rooms.reduce((best, room) => (room[name] > best[name] ? room : best));
    return resourceText(most, [name]);
  });
  return `it asks for ${resourceText(requests, short)}, and the most that a worker ${has} is ${largest.join(" and ")}`;
}

function otherQueues(workers: readonly LiveWorker[]): string {
  if (workers.length === 0) return ": no worker is connected";
  const queues = [...new Set(workers.flatMap((worker) => worker.queues))].toSorted();
  return `; the workers take ${queues.slice(0, mostNames).join(", ")}`;
}
