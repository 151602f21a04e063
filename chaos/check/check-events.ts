import type { EventFacts, RunFacts, SystemFacts } from "./facts.ts";

/** Which event of an instance may follow which, written down apart from the core's own table; "" is its beginning. */
const chart: Readonly<Record<string, readonly string[]>> = {
  "": ["queued", "skipped", "failed"],
  queued: ["queued", "running", "skipped", "failed"],
  running: ["success", "failed", "skipped", "retry", "queued"],
  retry: ["queued", "running", "skipped", "failed"],
  success: [],
  failed: [],
  skipped: [],
};

/** The history of each run is whole and legal (I2), and the log of all of them is without gap (I5). */
export function checkEvents(facts: Pick<SystemFacts, "runs" | "eventIds" | "unpublishedEvents">): readonly string[] {
  const problems = facts.runs.flatMap((run) => checkHistory(run).map((problem) => `run ${run.runId} ${problem}`));
  facts.eventIds.forEach((id, place) => {
    const before = facts.eventIds[place - 1];
    if (before !== undefined && id !== before + 1) problems.push(`event ${id} follows event ${before} (I5)`);
  });
  if (facts.unpublishedEvents > 0) problems.push(`${facts.unpublishedEvents} events were never published (I5)`);
  return problems;
}

function checkHistory({ events, eventSequence }: RunFacts): readonly string[] {
  const problems: string[] = [];
  if (events.length !== eventSequence) problems.push(`counts ${eventSequence} events, there are ${events.length} (I5)`);
  events.forEach(({ sequence }, place) => {
    if (sequence !== place + 1) problems.push(`has event ${sequence} in place of ${place + 1} (I5)`);
  });
  const ends = events.filter(({ type }) => type === "dag_run.ended").length;
  if (ends !== 1) problems.push(`ended ${ends} times (I2)`);
  const byTask = Map.groupBy(
    events.filter(({ type, taskId }) => taskId !== null && type.startsWith("task_instance.")),
    ({ taskId }) => taskId,
  );
  for (const [task, own] of byTask) problems.push(...checkSteps(own).map((problem) => `has ${task} ${problem}`));
  return problems;
}

function checkSteps(events: readonly EventFacts[]): readonly string[] {
  const problems: string[] = [];
  let state = "";
  for (const { type } of events) {
    const next = type.slice("task_instance.".length);
    if (chart[state]?.includes(next) !== true) problems.push(`${next} after ${state === "" ? "nothing" : state} (I2)`);
    state = next;
  }
  return problems;
}
