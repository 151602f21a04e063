import type { Page, PageRequest } from "#ports/queries.ts";
import { type CursorValue, decodeCursor, encodeCursor, maxExactTotal, parseSort } from "../page-cursor.ts";

/** Stands for a time that has not come: after all others. */
export const never = Number.MAX_SAFE_INTEGER;

export interface MemoryOrder<T> {
  readonly value: (item: T) => CursorValue;
  readonly descending: boolean;
}

/** One page of all items, in the list's own order (by a unique key) or by one of `sorts` before it. */
export function pageOf<T>(
  all: readonly T[],
  page: PageRequest,
  list: {
    readonly order: readonly MemoryOrder<T>[];
    readonly sorts: Readonly<Record<string, (item: T) => CursorValue>>;
  },
): Page<T> {
  const sort = parseSort(page, Object.keys(list.sorts));
  const sortValue = sort.field === null ? undefined : list.sorts[sort.field];
  const order =
    sortValue === undefined ? list.order : [{ value: sortValue, descending: sort.descending }, ...list.order];
  const after = decodeCursor(page, order.length);
  const keyed = all.map((item) => ({ item, keys: order.map((key) => key.value(item)) }));
  const compare = (a: readonly CursorValue[], b: readonly CursorValue[]): number => compareKeys(order, a, b);
  const behind = (after === null ? keyed : keyed.filter(({ keys }) => compare(keys, after) > 0)).toSorted((a, b) =>
    compare(a.keys, b.keys),
  );
  const shown = behind.slice(0, page.limit);
  const last = behind.length > page.limit ? shown.at(-1) : undefined;
  return {
    items: shown.map(({ item }) => item),
    nextCursor: last === undefined ? null : encodeCursor(page.sort, last.keys),
    totalCount: Math.min(all.length, maxExactTotal + 1),
  };
}

function compareKeys<T>(
  order: readonly MemoryOrder<T>[],
  a: readonly CursorValue[],
  b: readonly CursorValue[],
): number {
  for (const [place, { descending }] of order.entries()) {
    const [left, right] = [a[place] ?? 0, b[place] ?? 0];
    if (left !== right) return left < right === descending ? 1 : -1;
  }
  return 0;
}
