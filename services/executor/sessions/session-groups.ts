import type { WorkerSession } from "./session.ts";

/** Sessions of workers that take the same work together: by queues and what they say of themselves. */
export function groupByWork(sessions: readonly WorkerSession[]): readonly (readonly WorkerSession[])[] {
  return [...Map.groupBy(sessions, workOf).values()];
}

function workOf({ queues, traits }: WorkerSession): string {
  const { labels, operators, capabilities } = traits;
  return JSON.stringify([
    queues.toSorted(),
    Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    operators.toSorted(),
    capabilities.toSorted(),
  ]);
}
