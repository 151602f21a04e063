import type { Instance, RunAggregate } from "#core/run-model.ts";
import type { OutputRef } from "#definition/rendering/compile-definition.ts";
import type { Json, JsonObject } from "#definition/model.ts";
import { AppError } from "#errors/app-error.ts";
import type { Store } from "#ports/store.ts";
import { removalText } from "#rpc/removal-text.ts";

/** The outputs of a task as expressions see them; undefined for a task that was not asked for. */
export type TaskOutputs = (task: string) => JsonObject | undefined;

export const noOutputs: TaskOutputs = () => undefined;

/** So many instances are read at once: a task may leave 16 MiB, and a fan-out has many items. */
const instancesPerRead = 50;
/** Of what the items of one fan-out left under the keys that are asked for. */
const maxListCharacters = 16 * 1024 * 1024;

/**
 * Reads what `refs` name. Of a fan-out each key is the list of what its items left, in their order, null where one left
 * nothing; of an empty one every key is the empty list. Keys that nobody asked for are there without their values.
 */
export async function readTaskOutputs(
  store: Store,
  run: RunAggregate,
  refs: readonly OutputRef[],
): Promise<TaskOutputs> {
  if (refs.length === 0) return noOutputs;
  const collected = new Map<string, CollectedOutputs>();
  for (const [task, group] of Map.groupBy(refs, (ref) => ref.task)) {
    collected.set(task, new CollectedOutputs(task, new Set(group.map(({ key }) => key))));
  }
  const sources = new Map<number, { readonly outputs: CollectedOutputs; readonly instance: Instance }>();
  for (const [instance, itemsTotal] of sourcesOf(run, collected)) {
    const outputs = collected.get(run.plan.tasks[instance.task]?.id ?? "");
    if (outputs === undefined) continue;
    outputs.itemsTotal = itemsTotal;
    if (instance.reason === "empty_for_each") outputs.addEmptyLists();
    sources.set(instance.ordinal, { outputs, instance });
  }
  const ordinals = [...sources.keys()];
  for (let start = 0; start < ordinals.length; start += instancesPerRead) {
    const page = ordinals.slice(start, start + instancesPerRead);
    for (const { ordinal, key, json } of await store.runs.readOutputs(run.run.runKey, page)) {
      const source = sources.get(ordinal);
      if (source !== undefined) source.outputs.add(source.instance.mapIndex, key, json);
    }
  }
  const incomplete = [...sources.values()].flatMap(({ outputs, instance }) => (outputs.isComplete ? [] : [instance]));
  if (incomplete.length > 0) await refuseRemoved(store, run, incomplete);
  return (task) => collected.get(task)?.values;
}

/**
 * What is asked for and not there may have been removed by now, also of some items alone: then nothing may be taken for the
 * output of what had ended before.
 */
async function refuseRemoved(store: Store, run: RunAggregate, incomplete: readonly Instance[]): Promise<void> {
  const removals = await store.retention.listRemovals(run.run.runKey);
  const removal = removals.find(({ kind }) => kind === "outputs");
  if (removal === undefined) return;
  const ended = incomplete.filter(({ endedAt }) => endedAt !== null && endedAt <= removal.removedAt);
  const lost = [...new Set(ended.map(({ task }) => run.plan.tasks[task]?.id ?? ""))];
  if (lost.length === 0) return;
  const why = removalText("outputs", removal.retentionMs);
  throw new AppError("OUTPUTS_REMOVED", `${why}, also those of ${lost.join(", ")}; rerun from there`, {
    details: { dag_run_id: run.run.runId, tasks: lost },
  });
}

/** The instances of these tasks, items included, each with the number of its fan-out's items. */
function sourcesOf(run: RunAggregate, wanted: ReadonlyMap<string, unknown>): (readonly [Instance, number])[] {
  const instances = run.instances.filter(({ task }) => wanted.has(run.plan.tasks[task]?.id ?? ""));
  const groups = new Map(instances.flatMap((each) => (each.mapIndex === null ? [[each.task, each] as const] : [])));
  return instances.flatMap((each) => {
    const group = groups.get(each.task);
    return group?.generation === each.generation ? [[each, group.itemsTotal] as const] : [];
  });
}

class CollectedOutputs {
  /** Without prototype, since keys may be anything. */
  readonly values = Object.create(null) as Record<string, Json>;
  readonly #task: string;
  readonly #keys: ReadonlySet<string>;
  readonly #lists = new Map<string, Json[]>();
  #listCharacters = 0;
  #hasEmptyLists = false;
  /** Values that were asked for and are there. */
  #found = 0;
  itemsTotal = 0;

  constructor(task: string, keys: ReadonlySet<string>) {
    this.#task = task;
    this.#keys = keys;
  }

  /** Whether the task, or each of its items, has left whatever was asked for. */
  get isComplete(): boolean {
    return this.#hasEmptyLists || this.#found >= this.#keys.size * Math.max(1, this.itemsTotal);
  }

  addEmptyLists(): void {
    this.#hasEmptyLists = true;
    for (const key of this.#keys) this.values[key] = [];
  }

  add(mapIndex: number | null, key: string, json: string): void {
    if (this.#keys.has(key)) this.#found += 1;
    if (mapIndex === null || !this.#keys.has(key)) {
      this.values[key] = this.#keys.has(key) ? (JSON.parse(json) as Json) : null;
      return;
    }
    this.#listCharacters += json.length;
    if (this.#listCharacters > maxListCharacters) {
      throw new AppError(
        "VALUE_UNUSABLE",
        `the outputs of the items of task ${this.#task} are together larger than ${maxListCharacters} characters, too large to read in an expression`,
        { details: { task: this.#task, key } },
      );
    }
    const list = this.#lists.get(key) ?? Array.from({ length: this.itemsTotal }, (): Json => null);
    this.#lists.set(key, list);
    this.values[key] = list;
    list[mapIndex] = JSON.parse(json) as Json;
  }
}
