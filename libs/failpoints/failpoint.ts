/**
 * Places between two steps where a process may die, stand still or fail, and nothing may be lost. `before` and `after` are
 * those of the step that the name tells.
 */
export const failpointNames = [
  /** The statement that makes a run. */
  "run_creation.before",
  "run_creation.after",
  /** The statement that writes what a turn of the run writer decided. */
  "run_change.before",
  "run_change.after",
  /** A claim is committed; nothing is sent to its worker yet. */
  "assignment.before",
  /** The broker has the tickets of a batch. */
  "ticket_publishing.after",
  /** The commit of what was consumed of a queue's partitions. */
  "offset_commit.before",
  "offset_commit.after",
  /** The acknowledgement of an outcome, which is committed. */
  "acknowledgement.before",
  "acknowledgement.after",
  /** Events have got their ids. */
  "event_publishing.after",
] as const;

export type FailpointName = (typeof failpointNames)[number];

let listener: ((name: FailpointName) => void) | null = null;

/** Marks the place. Does nothing, unless a test has put something there. */
export function failpoint(name: FailpointName): void {
  listener?.(name);
}

/** Whatever is called from now on at every failpoint of this process; only tests do so. */
export function onFailpoint(called: (name: FailpointName) => void): void {
  listener = called;
}
