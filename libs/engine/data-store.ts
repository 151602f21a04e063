import type { DataStore } from "./engine-api.ts";

/** A store in memory, which an application may keep, and give to a later execution to go on where an earlier one ended. */
export function createMemoryStore(entries: Iterable<readonly [string, unknown]> = []): DataStore {
  const values = new Map<string, unknown>(entries);
  return {
    has: (taskId) => values.has(taskId),
    get: (taskId) => values.get(taskId),
    set: (taskId, value) => void values.set(taskId, value),
    entries: () => values.entries(),
  };
}

/** A store whose keys and types the compiler knows. */
export interface TypedStore<T extends Readonly<Record<string, unknown>>> {
  has(taskId: keyof T & string): boolean;
  /** Undefined when absent. */
  get<K extends keyof T & string>(taskId: K): T[K] | undefined;
  set<K extends keyof T & string>(taskId: K, value: T[K]): void;
}

/** Looks at a store through types: `typedStore<{ count: number }>(context.store).get("count")`. Nothing is checked at run time. */
export function typedStore<T extends Readonly<Record<string, unknown>>>(store: DataStore): TypedStore<T> {
  return {
    has: (taskId) => store.has(taskId),
    get: <K extends keyof T & string>(taskId: K) => store.get(taskId) as T[K] | undefined,
    set: (taskId, value) => store.set(taskId, value),
  };
}
