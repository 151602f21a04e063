import type { HandOffWorkers } from "./turn.ts";
import type { WorkerSession } from "./session.ts";

/** The sessions of this executor, one for each worker row. */
export class SessionRegistry {
  readonly #sessions = new Map<number, WorkerSession>();
  readonly #backend: string;

  constructor(backend: string) {
    this.#backend = backend;
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
          (task.backend === null || task.backend === this.#backend)
        );
      },
    };
  }
}
