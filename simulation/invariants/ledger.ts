import type { SimDatabase } from "../database/sim-database.ts";
import type { World } from "../world/world.ts";

/** An attempt as the worker that runs it names it. */
export interface LedgerAttempt {
  readonly dagRunId: string;
  readonly taskId: string;
  readonly mapIndex: number | null;
  readonly fence: bigint;
}

/**
 * What really ran, written down outside the system by the processes themselves: each attempt once (I3), only with a
 * claim behind it, never two of an instance at once (I4), never more on a worker than it has slots.
 */
export class Ledger {
  readonly #world: World;
  readonly #database: SimDatabase;
  readonly #started = new Set<string>();
  readonly #living = new Map<string, string>();
  readonly #livingOf = new Map<string, number>();

  constructor(world: World, database: SimDatabase) {
    this.#world = world;
    this.#database = database;
  }

  get startCount(): number {
    return this.#started.size;
  }

  get livingCount(): number {
    return this.#living.size;
  }

  start(attempt: LedgerAttempt, worker: string, slots: number): void {
    const instance = instanceName(attempt);
    const name = `${instance} fence ${attempt.fence}`;
    if (this.#started.has(name)) this.#world.violate(`${name} was started twice (I3)`);
    const living = this.#living.get(instance);
    if (living !== undefined) this.#world.violate(`${name} starts while ${living} is alive (I4, G4)`);
    if (!this.#isClaimed(attempt)) this.#world.violate(`${name} runs without a committed claim (G3)`);
    const count = (this.#livingOf.get(worker) ?? 0) + 1;
    if (count > slots) this.#world.violate(`${worker} runs ${count} attempts in ${slots} slots`);
    this.#livingOf.set(worker, count);
    this.#started.add(name);
    if (this.#world.trace.keepsLines) this.#world.note(worker, `starts ${name}`);
    this.#living.set(instance, name);
  }

  /** Its process tree is gone. */
  end(attempt: LedgerAttempt, worker: string): void {
    this.#living.delete(instanceName(attempt));
    if (this.#world.trace.keepsLines) this.#world.note(worker, `ends ${instanceName(attempt)}`);
    this.#livingOf.set(worker, (this.#livingOf.get(worker) ?? 1) - 1);
  }

  /** An outcome was acknowledged as accepted: it must be in the database by now (G1). */
  acknowledged(attempt: LedgerAttempt): void {
    const run = this.#database.state.findRun(attempt.dagRunId);
    const fence = Number(attempt.fence);
    const isClosed = [...(run?.attempts.values() ?? [])].some((attempts) =>
      attempts.some(({ opened, closed }) => opened.fence === fence && closed !== null),
    );
    if (!isClosed)
      this.#world.violate(`the outcome of ${instanceName(attempt)} was acknowledged before its commit (G1)`);
  }

  #isClaimed({ dagRunId, taskId, mapIndex, fence }: LedgerAttempt): boolean {
    const run = this.#database.state.findRun(dagRunId);
    const task = run?.plan.tasks.findIndex(({ id }) => id === taskId);
    const rows = run?.instances.filter((instance) => instance.task === task && instance.mapIndex === mapIndex) ?? [];
    const attempts = rows.flatMap(({ ordinal }) => run?.attempts.get(ordinal) ?? []);
    return attempts.some(({ opened }) => opened.fence === Number(fence));
  }
}

function instanceName({ dagRunId, taskId, mapIndex }: LedgerAttempt): string {
  return `${dagRunId} ${taskId}${mapIndex === null ? "" : `[${mapIndex}]`}`;
}
