import { LRUCache } from "lru-cache";
import type { Instance, RunAggregate } from "#core/run-model.ts";
import type { FanOutItem } from "#definition/rendering/fan-out-items.ts";
import { AppError } from "#errors/app-error.ts";

export type ItemList = readonly FanOutItem[];

/** Characters of JSON that all remembered lists have together. */
const maxCachedCharacters = 64 * 1024 * 1024;

/**
 * The lists that tasks fanned out over. Only the keys of items are stored, with the instances: a list follows from the
 * parameters of the run and the outputs of tasks above, which stay as they are while its items run, so it is made again
 * where it is not remembered.
 */
export class ItemLists {
  readonly #lists = new LRUCache<string, ItemList>({ maxSize: maxCachedCharacters });
  readonly #reading = new Map<string, Promise<ItemList>>();

  remember(run: RunAggregate, task: Pick<Instance, "task" | "generation">, list: ItemList): void {
    this.#lists.set(listId(run, task), list, { size: JSON.stringify(list).length });
  }

  /** The element of an item; undefined where its list is not remembered. */
  find(run: RunAggregate, item: Instance): FanOutItem | undefined {
    const list = this.#lists.get(listId(run, item));
    return list === undefined ? undefined : elementOf(run, item, list);
  }

  /** The element of an item, by a list that is made where it is not remembered, once for all who ask. */
  async fetch(run: RunAggregate, item: Instance, make: () => Promise<ItemList>): Promise<FanOutItem> {
    const id = listId(run, item);
    const known = this.#lists.get(id);
    if (known !== undefined) return elementOf(run, item, known);
    const reading = this.#reading.get(id) ?? make().finally(() => this.#reading.delete(id));
    this.#reading.set(id, reading);
    const list = await reading;
    this.remember(run, item, list);
    return elementOf(run, item, list);
  }
}

function listId({ run }: RunAggregate, { task, generation }: Pick<Instance, "task" | "generation">): string {
  return `${run.runKey} ${run.revision} ${task} ${generation}`;
}

/** Throws EXPRESSION_FAILED when the list is not the one that the item was made of. */
function elementOf({ run, plan }: RunAggregate, item: Instance, list: ItemList): FanOutItem {
  const element = list[item.mapIndex ?? -1];
  if (element !== undefined && element.key === item.itemKey) return element;
  const name = `${plan.tasks[item.task]?.id ?? ""}[${item.mapIndex ?? ""}]`;
  throw new AppError(
    "EXPRESSION_FAILED",
    `\`for_each\` no longer gives the element that item ${name} of run ${run.runId} was made for; clear the task to make its items anew`,
    { details: { dag_run_id: run.runId, map_index: item.mapIndex } },
  );
}
