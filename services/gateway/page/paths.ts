import type { Artifact } from "#gen/millrace/v1/artifact_service_pb.js";

/** Addresses of the page; ids are percent-encoded once. */
export function dagPath(dagId: string): string {
  return `/dags/${encodeURIComponent(dagId)}`;
}

export function runPath(dagId: string, runId: string): string {
  return `${dagPath(dagId)}/runs/${encodeURIComponent(runId)}`;
}

/** Leads on to `runPath`, for links from where the run's DAG is not known. */
export function runIdPath(runId: string): string {
  return `/runs/${encodeURIComponent(runId)}`;
}

/** Of the API: the file as a download. */
export function artifactPath({ dagRunId, taskId, mapIndex, attemptNumber, name }: Artifact): string {
  const query = new URLSearchParams({ task_id: taskId, attempt: String(attemptNumber) });
  if (mapIndex !== undefined) query.set("map_index", String(mapIndex));
  return `/api/v1/dagRuns/${encodeURIComponent(dagRunId)}/artifacts/${encodeURIComponent(name)}?${query.toString()}`;
}

export function logPath(instanceId: string): string {
  return `/tasks/${encodeURIComponent(instanceId)}/logs`;
}
