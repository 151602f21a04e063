/** The id that people know a task instance by: `<run id>__<task id>`, and `__<item key>` for an item of a fan-out. */
export function formatInstanceId(runId: string, taskId: string, itemKey: string | null): string {
  return itemKey === null ? `${runId}__${taskId}` : `${runId}__${taskId}__${itemKey}`;
}
