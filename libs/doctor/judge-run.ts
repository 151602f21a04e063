import { decideRun } from "#core/decide-run.ts";
import type { Decision } from "#core/decision.ts";
import type { RecountedPart } from "#core/difference.ts";
import { recountRun } from "#core/recount.ts";
import type { RunEvent } from "#core/run-event.ts";
import type { Instance, RunAggregate } from "#core/run-model.ts";
import { isSettled } from "#core/run-state.ts";
import { describeError } from "#errors/app-error.ts";
import type { RunSnapshot } from "#ports/consistency-store.ts";
import type { CheckName } from "./check-catalog.ts";

/** One thing that is wrong in a run, as one look shows it. */
export interface RunProblem {
  readonly check: CheckName;
  /** The same on another look: it has not changed in between. */
  readonly id: string;
  readonly detail: string;
  /** It passes by itself within a lease in a cluster that works. */
  readonly mayPass: boolean;
}

export interface RunJudgment {
  readonly problems: readonly RunProblem[];
  /** What a repair writes; null where nothing is safe. */
  readonly decision: Decision | null;
}

/** A timer that nobody has looked at for so long, in milliseconds, is overdue. */
const overdueMs = 60_000;

const checkOfPart: Readonly<Record<RecountedPart, CheckName>> = {
  rows: "missing_instances",
  counts: "run_counts",
  state: "run_state",
  end: "run_end",
  start: "run_start",
  exempt: "exempt_failure",
  parents: "parent_counts",
  items: "fan_out_items",
  holder: "attempt_holder",
  readiness: "ready_not_queued",
};

/**
 * All that is wrong with a run at one moment. What its own rows contradict comes first; only a run whose rows agree is
 * judged by the time and by its workers. `only`: checks whose repairs are wanted; the others' are left out.
 */
export function judgeRun(snapshot: RunSnapshot, isWanted: (problem: RunProblem) => boolean = () => true): RunJudgment {
  const { run, attempts, now } = snapshot;
  const outputs = judgeOutputs(snapshot);
  try {
    const recount = recountRun(run, attempts, now);
    if (recount === "incomplete") {
      const problem = toProblem("incomplete_run", "", "rows of fan-out items are missing");
      return { problems: [problem, ...outputs], decision: null };
    }
    if (recount !== null) {
      const problems = recount.differences.map(({ part, ordinal, recorded, follows }) =>
        toProblem(
          checkOfPart[part],
          String(ordinal),
          `${nameOf(run, ordinal)}recorded ${recorded}; what follows is ${follows}`,
        ),
      );
      return { problems: [...problems, ...outputs], decision: recount.decision };
    }
    const late = [...judgeHolders(snapshot), ...judgeTimers(snapshot), ...judgeEvaluations(snapshot)];
    const events = late.flatMap(({ event, ...problem }) => (event !== null && isWanted(problem) ? [event] : []));
    return {
      problems: [...late.map(({ event: _, ...problem }) => problem), ...outputs],
      decision: events.length === 0 ? null : decideRun(run, events, now),
    };
  } catch (error) {
    const detail = `the rules refuse its rows: ${describeError(error)}`;
    return { problems: [toProblem("unreadable_version", "", detail), ...outputs], decision: null };
  }
}

interface LateProblem extends RunProblem {
  /** What should have happened; null: nothing that the rules know. */
  readonly event: RunEvent | null;
}

function judgeHolders({ run, goneWorkers }: RunSnapshot): readonly LateProblem[] {
  return run.instances.flatMap((instance): readonly LateProblem[] => {
    const { ordinal, held, heldFence, fence, state, workerKey } = instance;
    if (state === "running" && held && heldFence !== fence) {
      const detail = `${nameOf(run, ordinal)}fence ${fence}, its attempt has ${heldFence}`;
      return [{ ...toProblem("fence_ahead", `${ordinal}/${fence}`, detail), event: null }];
    }
    if (!held || !goneWorkers.has(workerKey ?? 0)) return [];
    const detail = `${nameOf(run, ordinal)}held under fence ${heldFence} by a worker that is gone`;
    const problem = { ...toProblem("holder_gone", `${ordinal}/${heldFence}`, detail), mayPass: true };
    return [{ ...problem, event: { kind: "lost", ordinal, fence: heldFence, free: false } }];
  });
}

function judgeTimers({ run, now }: RunSnapshot): readonly LateProblem[] {
  const { timeoutAt, counts } = run.run;
  const retries = run.instances.flatMap((instance): readonly LateProblem[] => {
    const { ordinal, state, dueAt, fence } = instance;
    if (state !== "up_for_retry" || (dueAt !== null && dueAt > now - overdueMs)) return [];
    const detail = `${nameOf(run, ordinal)}its retry was due ${dueAt === null ? "at no time" : toText(dueAt)}`;
    return [
      { ...toProblem("timer_overdue", `${ordinal}/${fence}`, detail), event: { kind: "retry_due", ordinal, fence } },
    ];
  });
  if (timeoutAt === null || timeoutAt > now - overdueMs || isSettled(counts)) return retries;
  const detail = `the run's timeout was due ${toText(timeoutAt)}`;
  return [...retries, { ...toProblem("timer_overdue", `run/${timeoutAt}`, detail), event: { kind: "run_timeout" } }];
}

/** A fan-out rightly waits for old attempts of its task (G4). */
function judgeEvaluations({ run }: RunSnapshot): readonly LateProblem[] {
  const held = new Set(run.instances.flatMap((instance) => (instance.held ? [instance.task] : [])));
  return run.instances.flatMap((instance): readonly LateProblem[] => {
    const { ordinal, task, awaitsEvaluation, generation } = instance;
    if (!awaitsEvaluation || held.has(task)) return [];
    const problem = toProblem("evaluation_overdue", `${ordinal}/${generation}`, `${nameOf(run, ordinal)}not looked at`);
    return [{ ...problem, mayPass: true, event: null }];
  });
}

function judgeOutputs({ run, staleOutputs }: RunSnapshot): readonly RunProblem[] {
  return staleOutputs.map(({ ordinal, key }) =>
    toProblem("stale_outputs", `${ordinal}/${key}`, `${nameOf(run, ordinal)}output ${key} is of an earlier generation`),
  );
}

function toProblem(check: CheckName, place: string, detail: string): RunProblem {
  return { check, id: `${check}/${place}`, detail, mayPass: false };
}

/** `task a: ` or `task a[3]: `; nothing for the run itself. */
function nameOf({ instances, plan }: RunAggregate, ordinal: number | null): string {
  if (ordinal === null) return "";
  const own: Instance | undefined = instances[ordinal];
  const instance = own?.ordinal === ordinal ? own : instances.find((one) => one.ordinal === ordinal);
  const id = instance === undefined ? undefined : plan.tasks[instance.task]?.id;
  const item = instance?.mapIndex === null || instance === undefined ? "" : `[${instance.mapIndex}]`;
  return id === undefined ? `instance ${ordinal}: ` : `task ${id}${item}: `;
}

function toText(at: number): string {
  return new Date(at).toISOString();
}
