import { createRun } from "#core/create-run.ts";
import { decideRun, type HandOff, judgeEvents } from "#core/decide-run.ts";
import type { Decision } from "#core/decision.ts";
import type { EventVerdict } from "#core/event-verdict.ts";
import type { Plan } from "#core/plan.ts";
import type { AttemptFailure, AttemptOutcome, EvaluationResult, RerunTarget, RunEvent } from "#core/run-event.ts";
import type { Instance, RunAggregate } from "#core/run-model.ts";
import type { TaskState } from "#core/states.ts";
import { buildPlan, type TaskSpec } from "./plan-builder.ts";
import { checkRunInvariants } from "./run-invariants.ts";
import { applyDecision } from "./run-step.ts";

/** Who repairs runs in tests. */
export const someone = { by: "someone", note: "" };

/** A clear of these instances and everything below them. */
export function clearOf(ordinals: readonly number[]): RunEvent {
  return { kind: "clear", ordinals, includeDownstream: true, author: someone };
}

/** The run that tests of the rules make. */
export const runIdentity = {
  runKey: 1,
  runId: "run",
  dagKey: 1,
  dagId: "dag",
  versionKey: 1,
  logicalAt: 0,
  concurrencyKey: null,
};

/**
 * One run in memory, driven event by event in the words of the work; every decision passes the invariants or throws.
 * Instances are named by task id, items as `id[0]`, of the present generation.
 */
export class RunDriver {
  run: RunAggregate;
  now = 1_000_000;
  /** The decision of the last event; null when it was refused. */
  last: Decision | null = null;

  constructor(plan: Plan | readonly TaskSpec[]) {
    this.run = createRun("graph" in plan ? plan : buildPlan(plan), runIdentity, this.now, {
      isAdmitted: true,
    }).aggregate;
  }

  /** Applies events as one batch and answers the verdict of each. */
  apply(events: readonly RunEvent[], handOff?: HandOff): readonly EventVerdict[] {
    this.last = decideRun(this.run, events, this.now, { handOff });
    if (this.last === null) return judgeEvents(this.run, events, this.now);
    const after = applyDecision(this.run, this.last);
    const problems = checkRunInvariants(this.run, this.last, after);
    if (problems.length > 0) throw new Error(`after ${JSON.stringify(events)}:\n${problems.join("\n")}`);
    this.run = after;
    return this.last.verdicts;
  }

  /** Applies one event, which must be accepted. */
  accept(event: RunEvent): Decision {
    const [verdict] = this.apply([event]);
    if (verdict?.accepted !== true || this.last === null)
      throw new Error(`${JSON.stringify(event)} gives ${JSON.stringify(verdict)}`);
    return this.last;
  }

  get(name: string): Instance {
    const [, id = "", index] = /^([^[]+)(?:\[(\d+)\])?$/.exec(name) ?? [];
    const task = this.run.plan.tasks.findIndex((one) => one.id === id);
    const group = this.run.instances.find((row) => row.task === task && row.mapIndex === null);
    const mapIndex = index === undefined ? null : Number(index);
    const found = this.run.instances.find(
      (row) =>
        row.task === task && row.mapIndex === mapIndex && (mapIndex === null || row.generation === group?.generation),
    );
    if (found === undefined) throw new Error(`no instance ${name}`);
    return found;
  }

  state(name: string): TaskState {
    return this.get(name).state;
  }

  /** States by name, for one look at several instances. */
  states(...names: readonly string[]): Readonly<Record<string, TaskState>> {
    return Object.fromEntries(names.map((name) => [name, this.state(name)]));
  }

  ordinals(...names: readonly string[]): readonly number[] {
    return names.map((name) => this.get(name).ordinal);
  }

  claim(name: string, workerKey = 1): Instance {
    const { ordinal, generation, tryNumber } = this.get(name);
    this.accept({ kind: "claim", ordinal, generation, tryNumber: tryNumber + 1, workerKey });
    return this.get(name);
  }

  /** An outcome of the attempt that runs. */
  end(name: string, outcome: AttemptOutcome): Decision {
    const { ordinal, fence } = this.get(name);
    return this.accept({ kind: "outcome", ordinal, fence, outcome });
  }

  /** Claims and succeeds each, one after the other. */
  succeed(...names: readonly string[]): void {
    for (const name of names) {
      this.claim(name);
      this.end(name, { kind: "success", outputs: [] });
    }
  }

  /** Claims, and fails with an exit code or as given. */
  fail(name: string, failure: Partial<AttemptFailure> = {}): Decision {
    this.claim(name);
    return this.end(name, { kind: "failed", outputs: [], failure: buildFailure(failure) });
  }

  evaluate(name: string, result: EvaluationResult | number): Decision {
    const { ordinal, generation } = this.get(name);
    const items = typeof result === "number" ? Array.from({ length: result }, (_, index) => ({ key: `${index}` })) : [];
    return this.accept({
      kind: "evaluated",
      ordinal,
      generation,
      result: typeof result === "number" ? { kind: "fan_out", items } : result,
    });
  }

  release(name: string): Decision {
    const { ordinal, heldFence } = this.get(name);
    return this.accept({ kind: "released", ordinal, fence: heldFence });
  }

  lose(name: string, free = false): Decision {
    const { ordinal, heldFence } = this.get(name);
    return this.accept({ kind: "lost", ordinal, fence: heldFence, free });
  }

  cancel(): Decision {
    return this.accept({ kind: "cancel", reason: "" });
  }

  /** Clears tasks and everything below them. */
  clear(...names: readonly string[]): Decision {
    return this.accept(clearOf(this.ordinals(...names)));
  }

  rerun(from: "failed" | "all" | readonly string[], target: Partial<RerunTarget> = {}): Decision {
    const { revision } = this.run.run;
    const given = { revision, version: null, parameters: null, ...target };
    return this.accept({ kind: "rerun", from, target: given, author: someone });
  }

  mark(state: "success" | "failed" | "skipped", names: readonly string[], includeDownstream = false): Decision {
    return this.accept({ kind: "mark", ordinals: this.ordinals(...names), state, includeDownstream, author: someone });
  }
}

/** An ordinary failure: exit code 1. */
export function buildFailure(given: Partial<AttemptFailure> = {}): AttemptFailure {
  return {
    code: "exit_code",
    message: "exit 1",
    exitCode: 1,
    signal: null,
    retryable: null,
    retryAfterMs: null,
    random: 0.5,
    ...given,
  };
}
