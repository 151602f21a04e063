import { TimeoutError } from "#middleware/timeout-error.ts";

/** Tasks that the error of an execution names. */
const maxNamedTasks = 5;

export function createTaskTimeout(taskId: string, timeoutMs: number): TimeoutError {
  const remedy = "give it a longer timeoutMs, or let its handler end when its signal aborts";
  return new TimeoutError("task", timeoutMs, `task "${taskId}" did not end within ${timeoutMs} ms; ${remedy}`);
}

/** `atWork` are the ids of the tasks that were running. */
export function createExecutionTimeout(atWork: readonly string[], timeoutMs: number): TimeoutError {
  const named = atWork.slice(0, maxNamedTasks).map((id) => `"${id}"`);
  if (atWork.length > maxNamedTasks) named.push(`${atWork.length - maxNamedTasks} more`);
  const running = named.length === 0 ? "" : `, while ${named.join(", ")} ran`;
  const remedy = "give it a longer globalTimeoutMs, or let handlers end when their signal aborts";
  return new TimeoutError(
    "execution",
    timeoutMs,
    `the execution did not end within ${timeoutMs} ms${running}; ${remedy}`,
  );
}
