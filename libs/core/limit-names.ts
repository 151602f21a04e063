/** The limit of a pool, which tasks of any DAG name. */
export function poolLimit(pool: string): string {
  return `pool/${pool}`;
}

/** Limit of a DAG's active runs. */
export function activeRunsLimit(dagKey: number): string {
  return `runs/${dagKey}`;
}

/** Limit of the active runs of one key. */
export function concurrencyLimit(dagKey: number, key: string): string {
  return `key/${dagKey}/${key}`;
}

/** Limit of a DAG's attempts in all its runs. */
export function activeTasksLimit(dagKey: number): string {
  return `tasks/${dagKey}`;
}

/** What a limit's name says; `of` is the pool or the concurrency key, and the DAG's key otherwise. */
export function parseLimit(limit: string): { readonly kind: "pool" | "runs" | "key" | "tasks"; readonly of: string } {
  const [kind = "", ...rest] = limit.split("/");
  if (kind === "key") return { kind, of: rest.slice(1).join("/") };
  if (kind === "pool" || kind === "runs" || kind === "tasks") return { kind, of: rest.join("/") };
  throw new Error(`${limit} is no limit`);
}
