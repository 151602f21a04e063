import { childEdges, parentEdges } from "#core/graph.ts";
import type { Instance, RunAggregate } from "#core/run-model.ts";
import type { TaskState } from "#core/states.ts";
import type { DecidedRun } from "#store/changes/run-table.ts";
import { checkHooks } from "./check-hooks.ts";

const terminal: ReadonlySet<TaskState> = new Set(["success", "failed", "upstream_failed", "skipped", "removed"]);

/** The chart of design.md by itself, without the core's table: what one transaction may make of a row. */
const reachable: Readonly<Record<string, ReadonlySet<TaskState>>> = {
  none: new Set(["queued", "running", "upstream_failed", "skipped", "success", "failed"]),
  queued: new Set(["running", "skipped", "failed", "success"]),
  running: new Set(["success", "failed", "skipped", "up_for_retry", "queued", "running"]),
  up_for_retry: new Set(["queued", "running", "failed", "skipped", "success"]),
};

/**
 * What must hold of every transaction that writes a run, judged by the rows that it changes and their children; cheap
 * enough for each of them. Answers what is wrong.
 */
export function checkTransaction(
  before: RunAggregate,
  { decision }: DecidedRun,
  after: RunAggregate,
  now: number,
): readonly string[] {
  const problems: string[] = [];
  const recount = new Set<number>();
  for (const { next } of decision.instances) {
    const row = before.instances[next.ordinal];
    if (row !== undefined) checkStep(row, next, now, problems);
    checkRow(next, problems);
    if (next.mapIndex !== null) continue;
    recount.add(next.task);
    for (const { task } of childEdges(after.plan.graph, next.task)) recount.add(task);
  }
  const places = placesOf(after);
  for (const task of recount) checkParents(after, places, task, problems);
  checkAttempts(before, decision, problems);
  checkRun(before, after, problems);
  problems.push(...checkHooks(before, decision, after));
  return problems;
}

function checkStep(row: Instance, next: Instance, now: number, problems: string[]): void {
  const say = (text: string): unknown =>
    problems.push(`instance ${next.ordinal} ${row.state} → ${next.state}: ${text}`);
  if (next.fence < row.fence || next.generation < row.generation) say("fence and generation never fall (G3)");
  if (next.generation > row.generation) {
    if (next.fence <= row.fence) say("a new generation needs a new fence (G3)");
    return;
  }
  if (row.state === "up_for_retry" && (next.state === "queued" || next.state === "running") && (row.dueAt ?? 0) > now)
    say("a retry before its time (G9)");
  const isByHand = next.reason === "manual" || next.state === "removed";
  if (terminal.has(row.state)) {
    if (row.state !== next.state && !isByHand && next.itemsTotal === 0) say("a terminal state is final (I2)");
  } else if (row.state !== next.state && !isByHand && !isReachable(row, next)) {
    say("not in the chart (I2)");
  }
}

/** An answer opens an attempt and settles it: what waits without a worker may come to a retry in one step. */
function isReachable({ state, waitsFor }: Instance, next: Instance): boolean {
  return reachable[state]?.has(next.state) === true || (waitsFor !== null && next.state === "up_for_retry");
}

function checkRow(row: Instance, problems: string[]): void {
  const say = (text: string): unknown => problems.push(`instance ${row.ordinal} ${row.state}: ${text}`);
  if (row.held !== row.heldFence > 0) say("held and held fence disagree");
  if (row.state === "running" && row.itemsTotal === 0 && row.heldFence !== row.fence)
    say("runs without being held under its fence (G3)");
  if (terminal.has(row.state) && row.endedAt === null) say("has no end");
}

/** The instance of each task of the plan; of a fan-out its group. */
function placesOf({ instances }: RunAggregate): readonly (Instance | undefined)[] {
  const places: (Instance | undefined)[] = [];
  for (const row of instances) if (row.mapIndex === null) places[row.task] = row;
  return places;
}

/** In-degree and failures are a recount through the edges (G5). */
function checkParents(
  run: RunAggregate,
  places: readonly (Instance | undefined)[],
  task: number,
  problems: string[],
): void {
  const row = places[task];
  if (row === undefined) return;
  let waiting = 0;
  let ended = 0;
  for (const edge of parentEdges(run.plan.graph, task)) {
    const parent = places[edge.task];
    if (parent !== undefined && terminal.has(parent.state)) ended += 1;
    else waiting += 1;
  }
  const { success, failed, upstreamFailed, skipped } = row.parents;
  if (row.inDegree !== waiting || success + failed + upstreamFailed + skipped !== ended) {
    problems.push(
      `instance ${row.ordinal} has in-degree ${row.inDegree} and ${success + failed + upstreamFailed + skipped} ended parents, the edges give ${waiting} and ${ended} (G5)`,
    );
  }
}

/** An attempt is opened when none is held, and by its own try number. */
function checkAttempts(before: RunAggregate, decision: DecidedRun["decision"], problems: string[]): void {
  for (const change of decision.attempts) {
    if (change.kind !== "opened") continue;
    const row = before.instances[change.ordinal];
    if (row === undefined) continue;
    if ((change.workerKey === null) !== (row.waitsFor !== null))
      problems.push(
        `instance ${change.ordinal} waits for ${row.waitsFor}, and worker ${change.workerKey} has its attempt`,
      );
    const isReleased = decision.attempts.some(
      (other) =>
        other.ordinal === change.ordinal &&
        (other.kind === "released" || (other.kind === "closed" && other.state !== "stopped")),
    );
    if (row.held && !isReleased)
      problems.push(`an attempt of instance ${change.ordinal} is opened while one is held (G4)`);
    if (row.generation === change.generation && change.tryNumber <= row.tryNumber)
      problems.push(`try ${change.tryNumber} of instance ${change.ordinal} comes after try ${row.tryNumber} (G9)`);
  }
}

/** The run's counts are those of its instances, and it has ended when all have. */
function checkRun(before: RunAggregate, after: RunAggregate, problems: string[]): void {
  const { run, instances } = after;
  let open = 0;
  let held = 0;
  let failed = 0;
  for (const row of instances) {
    if (!terminal.has(row.state)) open += 1;
    if (row.held) held += 1;
    if (row.mapIndex === null && row.state === "failed") failed += 1;
  }
  if (run.heldCount !== held) problems.push(`the run counts ${run.heldCount} held attempts, there are ${held}`);
  if (run.counts.failed !== failed) problems.push(`the run counts ${run.counts.failed} failed, there are ${failed}`);
  if ((run.endedAt !== null) !== (open === 0 && held === 0))
    problems.push(`the run ${run.endedAt === null ? "goes on though it is over" : "has ended too early"}`);
  if (run.sequence !== before.run.sequence + 1)
    problems.push(`the sequence goes from ${before.run.sequence} to ${run.sequence}`);
}
