/** Addresses of the page; ids are percent-encoded once. */
export function dagPath(dagId: string): string {
  return `/dags/${encodeURIComponent(dagId)}`;
}

export function runPath(dagId: string, runId: string): string {
  return `${dagPath(dagId)}/runs/${encodeURIComponent(runId)}`;
}

export function logPath(instanceId: string): string {
  return `/tasks/${encodeURIComponent(instanceId)}/logs`;
}
