import { LRUCache } from "lru-cache";
import type { Plan } from "#core/plan.ts";
import { withRemovedTasks } from "#core/removed-tasks.ts";
import type { RunAggregate, RunRow } from "#core/run-model.ts";
import type { Queryable } from "../database.ts";
import { fromInstanceRow, type InstanceRow, instanceRowColumns } from "./instance-row.ts";
import { ampleCache } from "../../changes/cache-limits.ts";
import { mergeInstances } from "../../changes/run-cache.ts";
import { type DagRunRow, dagRunColumns, fromRunRow } from "./run-row.ts";

const selectRuns = {
  name: "load_runs",
  text: `SELECT ${dagRunColumns} FROM dag_runs WHERE run_key = ANY($1::bigint[])`,
};

const selectInstances = {
  name: "load_instances",
  text: `SELECT ${instanceRowColumns} FROM task_instances JOIN unnest($1::bigint[], $2::bigint[]) AS known(run_key, sequence) USING (run_key)
    WHERE changed_sequence > known.sequence ORDER BY run_key, ordinal`,
};

const selectVersion = { name: "load_version", text: "SELECT definition FROM dag_versions WHERE version_key = $1" };

const selectDagId = { name: "find_dag_id", text: "SELECT dag_id FROM dags WHERE dag_key = $1" };

const maxCachedIds = 20_000;

/** Reads runs with their instances; versions are immutable, so their plans are kept. */
export class RunLoader {
  readonly #toPlan: (definition: unknown) => Plan;
  readonly #plans: LRUCache<number, Plan>;
  readonly #dagIds = new LRUCache<number, string>({ max: maxCachedIds });

  /** `maxTasks` of all plans together that are kept. */
  constructor(toPlan: (definition: unknown) => Plan, maxTasks: number = ampleCache.tasks) {
    this.#toPlan = toPlan;
    this.#plans = new LRUCache({ maxSize: maxTasks, sizeCalculation: (plan) => plan.tasks.length + 1 });
  }

  /**
   * The present state of runs, reading only what changed since `known`. The run's row is read first: an instance that
   * is newer than it makes the next guarded write fail, never succeed wrongly. Unknown keys are left out.
   */
  async load(
    database: Queryable,
    runKeys: readonly number[],
    known: (runKey: number) => RunAggregate | undefined,
  ): Promise<Map<number, RunAggregate>> {
    const runs = (await database.query<DagRunRow>(selectRuns, [runKeys])).map(fromRunRow);
    const plans = await Promise.all(runs.map((run) => this.#planOf(database, run, known(run.runKey))));
    const sequences = runs.map((run) => known(run.runKey)?.run.sequence ?? -1);
    const rows = await database.query<InstanceRow>(selectInstances, [runs.map((run) => run.runKey), sequences]);
    const byRun = Map.groupBy(rows, (row) => row.run_key);
    const loaded = runs.map((run, place) => {
      const plan = plans[place] ?? unreachable();
      const before = known(run.runKey) ?? { run, instances: [], plan };
      return mergeInstances(before, run, plan, (byRun.get(run.runKey) ?? []).map(fromInstanceRow));
    });
    return new Map(loaded.map((aggregate) => [aggregate.run.runKey, aggregate]));
  }

  /** The text id of a DAG; it never changes. Throws when there is none. */
  async dagId(database: Queryable, dagKey: number): Promise<string> {
    const cached = this.#dagIds.get(dagKey);
    if (cached !== undefined) return cached;
    const [row] = await database.query<{ dag_id: string }>(selectDagId, [dagKey]);
    if (row === undefined) throw new Error(`there is no DAG with key ${dagKey}`);
    this.#dagIds.set(dagKey, row.dag_id);
    return row.dag_id;
  }

  async #planOf(database: Queryable, run: RunRow, known: RunAggregate | undefined): Promise<Plan> {
    if (known?.run.revision === run.revision) return known.plan;
    return withRemovedTasks(await this.plan(database, run.versionKey), run.removedTasks);
  }

  async plan(database: Queryable, versionKey: number): Promise<Plan> {
    const cached = this.#plans.get(versionKey);
    if (cached !== undefined) return cached;
    const [row] = await database.query<{ definition: unknown }>(selectVersion, [versionKey]);
    if (row === undefined) throw new Error(`version ${versionKey} is not in dag_versions`);
    const plan = this.#toPlan(row.definition);
    this.#plans.set(versionKey, plan);
    return plan;
  }
}

function unreachable(): never {
  throw new Error("every run has a plan");
}
