import type { WorkerSession } from "./session.ts";

/** The sessions of this executor, one for each worker row. */
export class SessionRegistry {
  readonly #sessions = new Map<number, WorkerSession>();

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

  /** Of all workers, free or not. */
  get slots(): number {
    return this.all().reduce((sum, session) => sum + session.slots, 0);
  }

  get freeSlots(): number {
    return this.all().reduce((sum, session) => sum + session.freeSlots, 0);
  }

  /** Of those that pass, the one with the most free slots; undefined where none has any. */
  mostFree(passes: (session: WorkerSession) => boolean): WorkerSession | undefined {
    let most: WorkerSession | undefined;
    for (const session of this.#sessions.values())
      if (session.freeSlots > (most?.freeSlots ?? 0) && passes(session)) most = session;
    return most;
  }
}
