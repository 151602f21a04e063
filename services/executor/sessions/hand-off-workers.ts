import { isPreferredOn, mayRunOn } from "#core/placement.ts";
import type { PlanTask } from "#core/plan.ts";
import { hasRoom, noResources, type ResourceAmounts } from "#core/resource-amounts.ts";
import { isServed, type ServedBackends } from "../dispatch/served-backends.ts";
import type { HandOffWorkers } from "../runs/turn.ts";
import type { WorkerSession } from "./session.ts";
import type { SessionRegistry } from "./session-registry.ts";

interface Kept {
  readonly session: WorkerSession;
  readonly requests: ResourceAmounts;
}

/** The workers of this executor for one batch. */
export function handOffWorkers(
  { sessions, backends }: { readonly sessions: SessionRegistry; readonly backends: ServedBackends },
  allowed: boolean,
): HandOffWorkers {
  const kept = new Map<number, Kept[]>();
  const accepts = (session: WorkerSession, task: PlanTask): boolean =>
    session.acceptsWork &&
    session.reservedFor === null &&
    session.queues.includes(task.queue) &&
    isServed(backends, task.backend) &&
    mayRunOn(task, session.traits) &&
    isPreferredOn(task, session.traits);
  return {
    allowed,
    accepts(workerKey, task) {
      const session = sessions.get(workerKey);
      return session !== undefined && accepts(session, task);
    },
    takeSpare(runKey, task) {
      const { requests = noResources } = task;
      const session = sessions.mostFree((one) => hasRoom(one.room, requests) && accepts(one, task));
      if (session === undefined) return null;
      session.reserve(1, requests);
      kept.set(runKey, [...(kept.get(runKey) ?? []), { session, requests }]);
      return session.workerKey;
    },
    giveBack(runKey) {
      for (const { session, requests } of kept.get(runKey) ?? []) session.unreserve(1, requests);
      kept.delete(runKey);
    },
  };
}
