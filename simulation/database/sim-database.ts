import assert from "node:assert/strict";
import type { Plan } from "#core/plan.ts";
import type { RunAggregate } from "#core/run-model.ts";
import { AppError, describeError } from "#errors/app-error.ts";
import type { DecidedRun, WrittenRuns } from "#store/changes/run-table.ts";
import { aggregateOf, applyDecision, checkGuards } from "#store/memory/apply-decision.ts";
import type { StoredRun } from "#store/memory/stored-run.ts";
import type { DatabaseFaults } from "../faults/fault-rates.ts";
import { RandomStream } from "../world/random.ts";
import type { SimProcess } from "../world/sim-process.ts";
import type { World } from "../world/world.ts";
import { SimState } from "./sim-state.ts";

/** A client gives up a request to a database that does not answer after so many milliseconds. */
const requestTimeoutMs = 2000;
const epochMs = 1_700_000_000_000;
const noFaults: DatabaseFaults = { errorShare: 0, unknownShare: 0, isSlow: false };

/** What the database can do at most, for questions of scale: milliseconds of one of its connections. */
export interface DatabaseCapacity {
  readonly connections: number;
  readonly perRequestMs: number;
  readonly perRowMs: number;
}

/** Looks at every transaction that writes runs; `before` is what it found. */
export type TransactionCheck = (before: RunAggregate, decided: DecidedRun, after: RunAggregate, now: number) => void;

/**
 * PostgreSQL as its clients see it: every request is one transaction, executed at one moment on what is there then, and
 * answered later, if at all. Guarded writes leave out what changed or what another transaction is writing.
 */
export class SimDatabase {
  readonly state: SimState;
  readonly #world: World;
  readonly #random: RandomStream;
  readonly #rate: number;
  readonly #check: TransactionCheck;
  /** Runs whose rows a transaction under way has locked. */
  readonly #locked = new Set<number>();
  readonly #cutOff = new Set<SimProcess>();
  /** When each connection is free again; none without a limit. */
  readonly #busyUntil: number[];
  readonly #capacity: DatabaseCapacity | null;
  #faults = noFaults;
  #awayUntil = 0;

  constructor(
    world: World,
    options: { readonly rate: number; readonly check: TransactionCheck; readonly capacity?: DatabaseCapacity },
  ) {
    this.#capacity = options.capacity ?? null;
    this.#busyUntil = Array.from({ length: options.capacity?.connections ?? 0 }, () => 0);
    this.#world = world;
    this.#rate = options.rate;
    this.#check = options.check;
    this.#random = new RandomStream(world.seed, "database");
    this.state = new SimState({ now: () => this.now(), toPlan: (definition) => definition as Plan });
  }

  /** Its clock, in whole milliseconds since 1970. */
  now(): number {
    return epochMs + Math.floor(this.#world.now * this.#rate);
  }

  setFaults(faults: DatabaseFaults | null): void {
    this.#faults = faults ?? noFaults;
  }

  goAway(durationMs: number): void {
    this.#awayUntil = this.#world.now + durationMs;
  }

  cutOff(process: SimProcess, isCut: boolean): void {
    if (isCut) this.#cutOff.add(process);
    else this.#cutOff.delete(process);
  }

  /**
   * Executes in one step and answers the client, unless something goes wrong on the way. What locks rows of runs itself
   * waits until no transaction under way has any.
   */
  request<T>(client: SimProcess, execute: () => T, { locksRuns = false } = {}): Promise<Awaited<T>> {
    return new Promise((resolve, reject) => {
      this.#send(client, reject, 0, (isUnknown) => {
        const attempt = (): void => {
          if (locksRuns && this.#locked.size > 0) {
            this.#world.in(1, attempt);
            return;
          }
          const value = execute();
          this.#answer(client, () =>
            isUnknown ? reject(unavailable("the connection broke")) : resolve(value as Awaited<T>),
          );
        };
        attempt();
      });
    });
  }

  load(client: SimProcess, runKeys: readonly number[]): Promise<ReadonlyMap<number, RunAggregate>> {
    return this.request(
      client,
      () =>
        new Map(
          runKeys.flatMap((runKey): [number, RunAggregate][] => {
            const run = this.state.runs.get(runKey);
            return run === undefined ? [] : [[runKey, snapshotOf(aggregateOf(run))]];
          }),
        ),
    );
  }

  /**
   * One guarded statement: runs that changed meanwhile, or that another transaction has locked, are left alone. A wrong
   * guard of an instance refuses the whole of it; that is a violation, which ends the world, so nobody gets an answer.
   */
  write(client: SimProcess, decided: readonly DecidedRun[]): Promise<WrittenRuns> {
    return new Promise((resolve, reject) => {
      const rows = decided.reduce((sum, { decision }) => sum + decision.instances.length, 0);
      this.#send(client, reject, rows, (isUnknown) => {
        const { taken, lackingRoom } = this.#findRoom(decided.filter((one) => this.#mayWrite(one)));
        const commit = (): void => {
          if (!this.#areGuardsRight(taken)) return;
          for (const one of taken) this.#apply(one);
          const written = new Set(taken.map(({ before }) => before.run.runKey));
          for (const runKey of written) this.#locked.delete(runKey);
          this.#answer(client, () =>
            isUnknown ? reject(unavailable("the connection broke")) : resolve({ written, lackingRoom }),
          );
        };
        if (!this.#faults.isSlow) {
          commit();
          return;
        }
        for (const { before, decision } of taken) {
          this.#locked.add(before.run.runKey);
          // Their rows are locked: another transaction passes them by.
          this.state.slots.take(-before.run.runKey, decision.slotsTaken, this.now());
        }
        this.#world.in(this.#random.between(0, 20), commit);
      });
    });
  }

  /** Gets a request to the database, now or in a while; `execute` learns whether its answer will be lost. */
  #send(
    client: SimProcess,
    reject: (error: AppError) => void,
    rows: number,
    execute: (isUnknown: boolean) => void,
  ): void {
    const { errorShare, unknownShare, isSlow } = this.#faults;
    const draw = this.#random.next();
    if (this.#awayUntil > this.#world.now || this.#cutOff.has(client)) {
      client.after(requestTimeoutMs * draw, () => reject(unavailable("it does not answer")));
    } else if (draw < errorShare) {
      this.#answer(client, () => reject(unavailable("the transaction failed")));
    } else if (this.#capacity !== null) {
      this.#world.at(this.#freeAt(this.#capacity, rows), null, () => execute(false));
    } else if (isSlow) {
      this.#world.in(this.#random.between(0, 50), () => execute(draw < errorShare + unknownShare));
    } else {
      execute(draw < errorShare + unknownShare);
    }
  }

  /** Takes the connection that is free first, and answers when it is through with so many rows. */
  #freeAt({ perRequestMs, perRowMs }: DatabaseCapacity, rows: number): number {
    const soonest = Math.min(...this.#busyUntil);
    const at = Math.max(this.#world.now, soonest) + perRequestMs + rows * perRowMs;
    this.#busyUntil[this.#busyUntil.indexOf(soonest)] = at;
    return at;
  }

  #answer(client: SimProcess, call: () => void): void {
    client.after(0.2 + this.#random.next() * (this.#faults.isSlow ? 50 : 1), call);
  }

  #mayWrite({ before, decision }: DecidedRun): boolean {
    const { runKey } = before.run;
    const run = this.state.runs.get(runKey);
    return run !== undefined && run.row.sequence === decision.expectedSequence && !this.#locked.has(runKey);
  }

  /** What is free goes to the first by run and instance, as the statement numbers them. */
  #findRoom(decided: readonly DecidedRun[]): { taken: readonly DecidedRun[]; lackingRoom: ReadonlySet<number> } {
    const needs = decided.flatMap(({ before, decision }) =>
      decision.slotsTaken.map((need) => ({ ...need, runKey: before.run.runKey })),
    );
    const lackingRoom = new Set<number>();
    for (const [limit, same] of Map.groupBy(needs, (need) => need.limit)) {
      const room = this.state.slots.room(limit, same[0]?.size ?? null);
      const ordered = same.toSorted((one, other) => one.runKey - other.runKey || one.ordinal - other.ordinal);
      for (const { runKey } of ordered.slice(Math.max(0, room))) lackingRoom.add(runKey);
    }
    return { taken: decided.filter(({ before }) => !lackingRoom.has(before.run.runKey)), lackingRoom };
  }

  #areGuardsRight(taken: readonly DecidedRun[]): boolean {
    for (const { before, decision } of taken) {
      try {
        checkGuards(this.#runOf(before), decision);
      } catch (error) {
        this.#world.violate(`run ${before.run.runKey}: ${describeError(error)}`);
        return false;
      }
    }
    return true;
  }

  #runOf({ run: { runKey } }: RunAggregate): StoredRun {
    const run = this.state.runs.get(runKey);
    assert.ok(run !== undefined);
    return run;
  }

  #apply(decided: DecidedRun): void {
    const run = this.#runOf(decided.before);
    const before = snapshotOf(aggregateOf(run));
    this.state.slots.free(
      -run.row.runKey,
      decided.decision.slotsTaken.map(({ ordinal }) => ordinal),
    );
    applyDecision(this.state, run, decided.decision);
    this.#check(before, decided, aggregateOf(run), this.now());
  }
}

/** The memory store changes a run's instances in place; what was read must stay as it was. */
function snapshotOf(run: RunAggregate): RunAggregate {
  return { ...run, instances: run.instances.slice() };
}

function unavailable(why: string): AppError {
  return new AppError("DATABASE_UNAVAILABLE", `the database does not answer: ${why}`);
}
