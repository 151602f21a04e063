/** A way to read a task instance's id: the run's id, and the task's with an item's key behind it, if it is one. */
export interface InstanceIdReading {
  readonly runId: string;
  readonly rest: string;
}

const hexDigits = 8;

/**
 * Ids are `<dag>__<time>__<8 hex>__<task>[__<item>]`, and DAG ids may contain `__` too: every place where a run's id
 * can end is a reading, and the store knows which is one.
 */
export function readInstanceId(instanceId: string): readonly InstanceIdReading[] {
  return [...instanceId.matchAll(/(?=__[0-9a-f]{8}__.)/g)].map((match) => {
    const end = match.index + 2 + hexDigits;
    return { runId: instanceId.slice(0, end), rest: instanceId.slice(end + 2) };
  });
}
