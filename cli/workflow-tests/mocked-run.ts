import { basename, dirname, resolve } from "node:path";
import { decideRun, judgeEvents } from "#core/decide-run.ts";
import type { RunEvent } from "#core/run-event.ts";
import type { Instance, RunAggregate } from "#core/run-model.ts";
import type { JsonObject } from "#definition/model.ts";
import { AppError, describeError } from "#errors/app-error.ts";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import type { QueuedInstance } from "#ports/queued-instance.ts";
import type { Store } from "#ports/store.ts";
import { AssignmentBuilder } from "#services/executor/dispatch/assignment-builder.ts";
import { withCheckedOutputs } from "#services/executor/runs/declared-outputs.ts";
import { processDue } from "#services/executor/upkeep/due-loop.ts";
import type { Submission, SubmissionResult } from "#services/executor/runs/turn.ts";
import { planWait } from "#services/executor/waits/wait-plan.ts";
import { registerDefinition } from "#services/parser/register-definition.ts";
import { createTriggerHandler } from "#services/scheduler/trigger-run.ts";
import { createMemoryStore } from "#store/memory/memory-store.ts";
import { createLogger } from "#telemetry/logger.ts";
import type { ValidDefinition } from "../local/local-run.ts";
import { parseInstant } from "../parse-instant.ts";
import { toPlan } from "../serve/open-store.ts";
import { endOfAttempt, unrenderedEnd } from "./attempt-mock.ts";
import type { AttemptMock, WorkflowTest } from "./test-schema.ts";

/** A run that has ended, as far as a test can look at it. */
export interface MockedRun {
  readonly run: RunAggregate;
  /** Tasks, and items as `task[key]`, in the order in which they first started. */
  readonly started: readonly string[];
  /** Of the last attempt of each, by the same names. */
  readonly environments: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly outputs: readonly {
    readonly name: string;
    readonly mapIndex: number | null;
    readonly key: string;
    readonly json: string;
  }[];
}

/** When a run begins whose test says nothing of it. */
const usualStart = Date.UTC(2026, 0, 1);
/** A run that takes more turns than this does not end. */
const maxTurns = 200_000;
const instancesPerTurn = 500;
const workerKey = 1;

/**
 * Runs a workflow without a process and without waiting: the rules, the rendering and the store are those of every run;
 * attempts end as the test says, and the clock jumps to what comes next. Throws what a trigger throws, e.g.
 * `INVALID_PARAMETERS`.
 */
export async function runMocked(options: {
  file: string;
  read: ValidDefinition;
  test: WorkflowTest;
  operators: OperatorSchemas;
}): Promise<MockedRun> {
  const { file, read, test, operators } = options;
  const logicalAt = parseInstant(test.execution_date ?? "") ?? usualStart;
  const clock = { now: parseInstant(test.now ?? "") ?? logicalAt };
  const store = createMemoryStore({ toPlan, clock: () => clock.now });
  await registerDefinition(store, read, basename(file));
  const { runId } = await createTriggerHandler(store)({
    dagId: read.definition.id,
    parameters: (test.parameters ?? {}) as JsonObject,
    logicalAt,
    note: "",
    externalTriggerId: "",
    replaceExisting: false,
    runType: read.definition.allowManualTrigger ? "manual" : "backfill",
    caller: "test",
    traceparent: null,
    request: null,
  });
  const runKey = (await store.runs.findRunKey(runId)) ?? 0;
  return new MockedWorld({ store, clock, test, operators, runKey, directory: dirname(resolve(file)) }).live();
}

interface WorldOptions {
  readonly store: Store;
  readonly clock: { now: number };
  readonly test: WorkflowTest;
  readonly operators: OperatorSchemas;
  readonly runKey: number;
  /** The folder of the workflow. */
  readonly directory: string;
}

/** The end of an attempt that is under way. */
interface ComingEnd {
  readonly at: number;
  readonly event: RunEvent;
}

/** One run and everything around it: takes the place of executor, worker and time. */
class MockedWorld {
  readonly #options: WorldOptions;
  readonly #assignments: AssignmentBuilder;
  /** First to start, first to end at one time. */
  readonly #agenda: ComingEnd[] = [];
  readonly #started = new Set<string>();
  readonly #environments = new Map<string, Readonly<Record<string, string>>>();

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#assignments = new AssignmentBuilder({
      store: options.store,
      operators: options.operators,
      dagsDirectory: options.directory,
      workerLeaseMs: 1,
      logMaxBytes: 0,
      logger: createLogger({ level: "silent", format: "json", component: "test" }),
    });
  }

  async live(): Promise<MockedRun> {
    const { store } = this.#options;
    for (let turn = 0; turn < maxTurns; turn += 1) {
      const run = await this.#read();
      if (run.run.endedAt !== null) {
        const outputs = await store.queries.listOutputs(run.run.runId, null);
        return {
          run,
          started: [...this.#started],
          environments: this.#environments,
          outputs: outputs.map(({ taskId, ...rest }) => ({ name: taskId, ...rest })),
        };
      }
      if (!(await this.#act(run))) await this.#passTime();
    }
    throw new AppError("TIMEOUT", `the run takes more than ${maxTurns} turns; make it end`);
  }

  /** Evaluates and starts what is ready; false when nothing is. */
  async #act(run: RunAggregate): Promise<boolean> {
    const { store } = this.#options;
    const waiting = await store.runs.listAwaitingEvaluation(instancesPerTurn);
    for (const { ordinal } of waiting) await this.#evaluate(ordinal);
    const queues = [...new Set(run.plan.tasks.map(({ queue }) => queue))];
    const backends = [...new Set(run.plan.tasks.map(({ backend }) => backend))];
    const { instances: queued } = await store.runs.pickQueued({ queues, backends, limit: instancesPerTurn });
    for (const instance of queued) await this.#start(instance);
    const unstarted = await store.waits.listUnstarted(instancesPerTurn);
    for (const { ordinal } of unstarted) await this.#startWait(ordinal);
    return waiting.length + queued.length + unstarted.length > 0;
  }

  async #evaluate(ordinal: number): Promise<void> {
    const run = await this.#read();
    const instance = instanceAt(run, ordinal);
    const result = await this.#assignments.evaluate(run, instance).catch((thrown: unknown) => {
      return { kind: "fail", errorCode: "render_failed", errorMessage: describeError(thrown) } as const;
    });
    await this.#submit({ kind: "evaluated", ordinal, generation: instance.generation, result });
  }

  async #start({ ordinal, generation, tryNumber }: QueuedInstance): Promise<void> {
    const { test, clock } = this.#options;
    const claimed = await this.#submit({ kind: "claim", ordinal, generation, tryNumber, workerKey });
    if (claimed.kind === "missing" || !claimed.verdict.accepted) return;
    const { run } = claimed;
    const instance = instanceAt(run, ordinal);
    const name = nameOf(run, instance);
    this.#started.add(name);
    try {
      const { environment } = await this.#assignments.build(run, instance);
      this.#environments.set(name, environment);
    } catch (thrown) {
      await this.#submit(unrenderedEnd(instance, describeError(thrown)));
      return;
    }
    const task = run.plan.tasks[instance.task];
    const { afterMs, event } = endOfAttempt(mockOf(test, task?.id ?? ""), instance, task?.timeoutMs ?? 0);
    this.#agenda.push({ at: clock.now + afterMs, event });
  }

  /** What waits without a worker is answered as the test says, whatever it would wait for. */
  async #startWait(ordinal: number): Promise<void> {
    const { test, clock } = this.#options;
    const run = await this.#read();
    const instance = instanceAt(run, ordinal);
    const { fence } = instance;
    this.#started.add(nameOf(run, instance));
    try {
      planWait(await this.#assignments.renderWait(run, instance));
    } catch (thrown) {
      await this.#submit(answerOf(instance, unrenderedEnd(instance, describeError(thrown))));
      return;
    }
    await this.#submit({ kind: "wait_begun", ordinal, fence, waitsFor: "time", dueAt: null });
    const task = run.plan.tasks[instance.task];
    const coming = { ...instance, tryNumber: instance.tryNumber + 1 };
    const longest = task?.waits?.timeoutMs ?? Number.POSITIVE_INFINITY;
    const { afterMs, event } = endOfAttempt(mockOf(test, task?.id ?? ""), coming, longest);
    this.#agenda.push({ at: clock.now + afterMs, event: answerOf(instance, event) });
  }

  /** Lets the clock jump to the next end of an attempt or the next time that the run waits for. */
  async #passTime(): Promise<void> {
    const { store, clock } = this.#options;
    const next = this.#agenda.reduce<ComingEnd | null>(
      (first, each) => (first === null || each.at < first.at ? each : first),
      null,
    );
    const dueInMs = await store.runs.nextDueInMs();
    if (next !== null && (dueInMs === null || next.at <= clock.now + dueInMs)) {
      this.#agenda.splice(this.#agenda.indexOf(next), 1);
      clock.now = Math.max(clock.now, next.at);
      await this.#submit(next.event);
      return;
    }
    if (dueInMs === null) throw new AppError("TIMEOUT", "the run waits for something that never comes");
    clock.now += dueInMs;
    await processDue(store, (submission) => this.#apply(submission));
  }

  async #submit(event: RunEvent): Promise<SubmissionResult> {
    return this.#apply({ runKey: this.#options.runKey, event, freesSlotOf: null });
  }

  /**
   * Decides and writes, as an executor does. An attempt that is ended from outside is gone at once; what was to become
   * of it is refused when its time comes, since its fence is an older one.
   */
  async #apply({ runKey, event }: Submission): Promise<SubmissionResult> {
    const { store } = this.#options;
    const [result] = await store.runs.changeRuns([
      { runKey, decide: (run) => decideRun(run, [withCheckedOutputs(run, event)], store.now()) },
    ]);
    if (result === undefined || result.kind === "missing" || result.kind === "busy") return { kind: "missing" };
    if (result.kind === "unchanged") {
      const [verdict] = judgeEvents(result.run, [event], store.now());
      return verdict === undefined ? { kind: "missing" } : { kind: "judged", verdict, run: result.run };
    }
    for (const { ordinal, fence } of result.decision.stops) {
      await this.#submit({ kind: "released", ordinal, fence });
    }
    const [verdict] = result.decision.verdicts;
    return verdict === undefined ? { kind: "missing" } : { kind: "judged", verdict, run: result.run };
  }

  async #read(): Promise<RunAggregate> {
    const [result] = await this.#options.store.runs.changeRuns([{ runKey: this.#options.runKey, decide: () => null }]);
    if (result?.kind !== "unchanged") throw new AppError("RUN_NOT_FOUND", "the run of the test is gone");
    return result.run;
  }
}

function mockOf({ mocks = {} }: WorkflowTest, taskId: string): AttemptMock | undefined {
  return Object.hasOwn(mocks, taskId) ? mocks[taskId] : undefined;
}

/** The end of an attempt as the answer that an instance waits for. */
function answerOf({ ordinal, fence }: Instance, event: RunEvent): RunEvent {
  if (event.kind === "outcome") return { kind: "answered", ordinal, fence, outcome: event.outcome };
  const message = "a mock says `lost` of a task that needs no worker; say `failed`";
  throw new AppError("INVALID_ARGUMENT", message);
}

function instanceAt(run: RunAggregate, ordinal: number): Instance {
  const instance = run.instances[ordinal];
  if (instance === undefined) throw new RangeError(`the run has no instance ${ordinal}`);
  return instance;
}

/** `task`, or `task[key]` for an item. */
export function nameOf({ plan }: RunAggregate, { task, itemKey }: Instance): string {
  const id = plan.tasks[task]?.id ?? "";
  return itemKey === null ? id : `${id}[${itemKey}]`;
}
