import type { WorkerSession } from "./session.ts";

/** Sessions of workers that take the same work together. */
export function groupByWork(sessions: readonly WorkerSession[]): readonly (readonly WorkerSession[])[] {
  return [...Map.groupBy(sessions, ({ work }) => work).values()];
}

/** The same for workers that take the same work, by their queues and what they say of themselves. */
export function describeWork({ queues, traits }: Pick<WorkerSession, "queues" | "traits">): string {
  const { labels, operators, capabilities } = traits;
  return JSON.stringify([
    queues.toSorted(),
    Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    operators.toSorted(),
    capabilities.toSorted(),
  ]);
}
