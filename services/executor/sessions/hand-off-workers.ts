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

export interface HandOffWorkersOptions {
  readonly sessions: SessionRegistry;
  readonly backends: ServedBackends;
  readonly scope: HandOffWorkers["scope"];
  /** False while the dispatcher is about to fill the slots that are free. */
  readonly maySpare: () => boolean;
  /** Called when slots that were kept are nobody's again: who looked meanwhile did not see them. */
  readonly slotsFreed: () => void;
}

/** The workers of this executor, as those see them who write runs. */
export function handOffWorkers({
  sessions,
  backends,
  scope,
  maySpare,
  slotsFreed,
}: HandOffWorkersOptions): HandOffWorkers {
  const kept = new Map<number, Kept[]>();
  const accepts = (session: WorkerSession, task: PlanTask): boolean =>
    session.acceptsWork &&
    session.reservedFor === null &&
    session.queues.includes(task.queue) &&
    isServed(backends, task.backend) &&
    mayRunOn(task, session.traits) &&
    isPreferredOn(task, session.traits);
  return {
    scope,
    accepts(workerKey, task) {
      const session = sessions.get(workerKey);
      return session !== undefined && accepts(session, task);
    },
    takeSpare(runKey, task) {
      if (!maySpare()) return null;
      const { requests = noResources } = task;
      const session = sessions.mostFree((one) => hasRoom(one.room, requests) && accepts(one, task));
      if (session === undefined) return null;
      session.reserve(1, requests);
      kept.set(runKey, [...(kept.get(runKey) ?? []), { session, requests }]);
      return session.workerKey;
    },
    giveBack(runKey) {
      const ofRun = kept.get(runKey);
      if (ofRun === undefined) return;
      for (const { session, requests } of ofRun) session.unreserve(1, requests);
      kept.delete(runKey);
      slotsFreed();
    },
  };
}
