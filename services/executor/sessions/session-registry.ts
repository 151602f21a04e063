import { isPreferredOn, mayRunOn } from "#core/placement.ts";
import { isServed, type ServedBackends } from "../dispatch/served-backends.ts";
import type { HandOffWorkers } from "../runs/turn.ts";
import type { WorkerSession } from "./session.ts";

/** The sessions of this executor, one for each worker row. */
export class SessionRegistry {
  readonly #sessions = new Map<number, WorkerSession>();
  readonly #backends: ServedBackends;

  constructor(backends: ServedBackends) {
    this.#backends = backends;
  }

  /** A worker's newer session ends its older one here. */
  add(session: WorkerSession): void {
    this.#sessions.get(session.workerKey)?.outgoing.close();
    this.#sessions.set(session.workerKey, session);
  }

  remove(session: WorkerSession): void {
    if (this.#sessions.get(session.workerKey) === session) this.#sessions.delete(session.workerKey);
  }

  get(workerKey: number): WorkerSession | undefined {
    return this.#sessions.get(workerKey);
  }

  all(): readonly WorkerSession[] {
    return [...this.#sessions.values()];
  }

  /** Whether no other worker here takes willingly from one of its queues. */
  isAlone(session: WorkerSession): boolean {
    for (const other of this.#sessions.values()) {
      const serves = other.queues.some((queue) => session.queues.includes(queue));
      if (other !== session && serves && other.condition.isWilling && !other.outgoing.isClosed) return false;
    }
    return true;
  }

  get freeSlots(): number {
    return this.all().reduce((sum, session) => sum + session.freeSlots, 0);
  }

  handOffWorkers(allowed: boolean): HandOffWorkers {
    return {
      allowed,
      accepts: (workerKey, task) => {
        const session = this.#sessions.get(workerKey);
        return (
          session !== undefined &&
          session.acceptsWork &&
          session.queues.includes(task.queue) &&
          isServed(this.#backends, task.backend) &&
          mayRunOn(task, session.traits) &&
          isPreferredOn(task, session.traits)
        );
      },
    };
  }
}
