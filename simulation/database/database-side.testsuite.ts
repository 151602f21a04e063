import { Client } from "pg";
import { expect, onTestFinished } from "vitest";
import type { Store } from "#ports/store.ts";
import { columnParsers } from "#store/postgres/column-parsers.ts";
import type { StoredAttempt } from "#store/memory/stored-run.ts";
import { type PlanSpec, planOfSpec } from "#testing/plan-spec.ts";
import { openPostgresHarness } from "#testing/postgres-harness.ts";
import { outsideMicrotasks } from "../world/microtasks.ts";
import { SimProcess } from "../world/sim-process.ts";
import { World } from "../world/world.ts";
import { SimDatabase } from "./sim-database.ts";
import { createSimStore } from "./sim-store.ts";
import { SimWakes } from "./sim-wakes.ts";

export type Row = Readonly<Record<string, unknown>>;

/** A database and its clients: two executors, each with its own cache, and one that only reads. */
export interface Side {
  readonly executors: readonly [Store, Store];
  readonly reader: Store;
  /** What stands for a plan in a version. */
  readonly definitionOf: (spec: PlanSpec) => unknown;
  /** Resolves when the database's clock is past `at`. */
  readonly reaches: (at: number) => Promise<void>;
  /** All rows of a table, in no order, with their columns as they are named in the code. */
  readonly readRows: (table: "attempts" | "outputs") => Promise<readonly Row[]>;
}

export interface PostgresSide extends Side {
  /** Deletes all rows, for the next case. */
  readonly clear: () => Promise<void>;
}

/** Children first; versions go with their DAGs. */
const tables = "outputs attempts task_instances dag_runs dags workers leases requests outbox".split(" ");

/** PostgreSQL until the end of the test. */
export async function openPostgresSide(): Promise<PostgresSide> {
  const { store, openAnother, connectionString, close } = await openPostgresHarness();
  onTestFinished(close);
  const client = new Client({ connectionString, types: columnParsers });
  await client.connect();
  onTestFinished(() => client.end());
  return {
    executors: [store, await openAnother()],
    reader: await openAnother(),
    definitionOf: (spec) => spec,
    reaches: (at) => expect.poll(() => store.now(), { interval: 5 }).toBeGreaterThan(at),
    async readRows(table) {
      const { rows } = await client.query<Row>(`SELECT * FROM ${table}`);
      return rows.map((row) =>
        Object.fromEntries(Object.entries(row).map(([name, held]) => [toCamelCase(name), held])),
      );
    },
    async clear() {
      await client.query(tables.map((table) => `DELETE FROM ${table}`).join(";"));
    },
  };
}

function toCamelCase(name: string): string {
  return name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** The simulated database without faults, in a world of its own. */
export class SimulatedSide implements Side {
  readonly world = new World(1, { keepsTrace: false });
  readonly database = new SimDatabase(this.world, { rate: 1, check: () => undefined });
  readonly #wakes = new SimWakes(this.world);
  readonly executors: readonly [Store, Store] = [this.#open("executor-1"), this.#open("executor-2")];
  readonly reader: Store = this.#open("reader");
  readonly definitionOf = planOfSpec;

  #open(name: string): Store {
    return createSimStore(this.database, new SimProcess(this.world, name, { rate: 1, offsetMs: 0 }), this.#wakes);
  }

  reaches(at: number): Promise<void> {
    return new Promise((resolve) => this.world.in(Math.max(0, at + 1 - this.database.now()), resolve));
  }

  async readRows(table: "attempts" | "outputs"): Promise<readonly Row[]> {
    return [...this.database.state.runs].flatMap(([runKey, run]): Row[] =>
      table === "attempts"
        ? [...run.attempts.values()].flat().map((attempt) => ({ runKey, ...attemptRow(attempt) }))
        : [...run.outputs].flatMap(([ordinal, outputs]) =>
            [...outputs].map(([key, { generation, json, at }]) => {
              return { runKey, ordinal, key, generation, valueJson: json, createdAt: at };
            }),
          ),
    );
  }

  /** Lets the world go on until what `start` began has come to its end; throws when the world ends first. */
  async drive<T>(start: () => Promise<T>): Promise<T> {
    const answer = start();
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    answer.then(settle, settle);
    await outsideMicrotasks(() => this.world.run(() => isSettled, Number.POSITIVE_INFINITY));
    if (!isSettled) throw new Error(`the world has ended: ${this.world.violations.join("; ")}`);
    return answer;
  }
}

/** What the columns of an attempt hold until it ends. */
const openAttempt = {
  kind: "closed",
  state: "running",
  endedAt: null,
  exitCode: null,
  signal: null,
  errorCode: null,
  errorMessage: null,
  retryReason: null,
  nextRetryAt: null,
  backoffDelayMs: null,
};

function attemptRow({ opened, closed, releasedAt }: StoredAttempt): Row {
  const { ordinal, generation, tryNumber, fence, workerKey, startedAt } = opened;
  const { kind: _, usage, ...end } = { usage: undefined, ...(closed ?? openAttempt) };
  const used = { cpuMs: usage?.cpuMs ?? null, memoryPeakBytes: usage?.memoryPeakBytes ?? null };
  return { ...end, ...used, ordinal, generation, tryNumber, fence, workerKey, startedAt, releasedAt };
}

/** What may be compared: times as `toTime` tells them, workers by their places, no other keys. */
export function toComparable(
  value: unknown,
  { workerKeys, toTime }: { readonly workerKeys: readonly number[]; readonly toTime: (at: number) => unknown },
): unknown {
  const text = JSON.stringify(value, (name, held: unknown) => {
    if (typeof held === "number" && name.endsWith("At")) return toTime(held);
    if (typeof held === "number" && name === "workerKey") return workerKeys.indexOf(held);
    return typeof held === "number" && name.endsWith("Key") ? "key" : held;
  });
  return JSON.parse(text);
}
