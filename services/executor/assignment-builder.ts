import { create } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { dirname, join } from "node:path";
import { LRUCache } from "lru-cache";
import type { PlanTask } from "#core/plan.ts";
import type { EvaluationResult } from "#core/run-event.ts";
import type { Instance, RunAggregate } from "#core/run-model.ts";
import { type CompiledDefinition, compileDefinition } from "#definition/compile-definition.ts";
import { AppError, describeError } from "#errors/app-error.ts";
import type { Definition, JsonObject } from "#definition/model.ts";
import type { RenderContext } from "#definition/render-context.ts";
import { evaluateWhen, renderTask } from "#definition/render-task.ts";
import { type Assignment, AssignmentSchema } from "#gen/millrace/v1/worker_session_service_pb.js";
import { tempDirPlaceholder } from "#operators/temp-dir.ts";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import type { RunFacts } from "#ports/run-store.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import type { Assignments } from "./assignments.ts";
import { attemptRefOf } from "./attempt-ref.ts";

const maxCachedVersions = 500;
const maxCachedRuns = 10_000;

export interface AssignmentBuilderOptions {
  readonly store: Store;
  readonly operators: OperatorSchemas;
  readonly dagsDirectory: string;
  readonly workerLeaseMs: number;
  readonly logMaxBytes: number;
  readonly logger: Logger;
}

/** What rendering needs beside the run itself: immutable, hence cached. */
interface Ingredients {
  readonly facts: RunFacts;
  readonly version: Version;
}

interface Version {
  readonly compiled: CompiledDefinition;
  /** The folder of the definition's file. */
  readonly directory: string;
}

/**
 * Renders by the definition. When run and version are known and the task uses no outputs the answer
 * is there at once, so that a hand-off rides on its acknowledgement.
 */
export class AssignmentBuilder implements Assignments {
  readonly #options: AssignmentBuilderOptions;
  readonly #facts = new LRUCache<number, RunFacts>({ max: maxCachedRuns });
  readonly #reading = new Map<number, Promise<void>>();
  readonly #versions = new LRUCache<number, Version>({ max: maxCachedVersions });

  constructor(options: AssignmentBuilderOptions) {
    this.#options = options;
  }

  /** Reads what the runs' assignments will need, while their claims are being written. Never rejects. */
  async prefetch(runKeys: readonly number[]): Promise<void> {
    const unknown = [...new Set(runKeys)].filter((runKey) => !this.#facts.has(runKey) && !this.#reading.has(runKey));
    if (unknown.length === 0) return;
    const reading = this.#readFacts(unknown);
    for (const runKey of unknown) this.#reading.set(runKey, reading);
    await reading;
    for (const runKey of unknown) this.#reading.delete(runKey);
  }

  async #readFacts(runKeys: readonly number[]): Promise<void> {
    try {
      for (const facts of await this.#options.store.runs.readFacts(runKeys)) this.#facts.set(facts.runKey, facts);
    } catch (error) {
      this.#options.logger.debug(
        { error: describeError(error) },
        "facts of runs were not read; the assignment tries again",
      );
    }
  }

  /** Throws (or rejects with) the AppError that names the value that can't be rendered. */
  build(run: RunAggregate, instance: Instance): Assignment | Promise<Assignment> {
    const facts = this.#facts.get(run.run.runKey);
    const version = this.#versions.get(run.run.versionKey);
    if (facts === undefined || version === undefined || usesOutputs(version.compiled, instance))
      return this.#buildLater(run, instance);
    return this.#render({ facts, version }, run, instance, noOutputs);
  }

  async evaluate(run: RunAggregate, instance: Instance): Promise<EvaluationResult> {
    const ingredients = await this.#fetch(run);
    const { compiled } = ingredients.version;
    const outputs = await this.#readOutputs(compiled, run, instance);
    const holds = evaluateWhen(compiled, instance.task, this.#context(ingredients, run, instance, outputs));
    return { kind: holds ? "run" : "skip" };
  }

  async #buildLater(run: RunAggregate, instance: Instance): Promise<Assignment> {
    const ingredients = await this.#fetch(run);
    const outputs = await this.#readOutputs(ingredients.version.compiled, run, instance);
    return this.#render(ingredients, run, instance, outputs);
  }

  async #fetch(run: RunAggregate): Promise<Ingredients> {
    const { runKey, versionKey } = run.run;
    const [facts, version] = await Promise.all([this.#fetchFacts(runKey), this.#fetchVersion(versionKey)]);
    return { facts, version };
  }

  async #fetchFacts(runKey: number): Promise<RunFacts> {
    if (!this.#facts.has(runKey)) await (this.#reading.get(runKey) ?? this.prefetch([runKey]));
    const facts = this.#facts.get(runKey);
    if (facts === undefined) throw new AppError("DATABASE_UNAVAILABLE", `the facts of run ${runKey} could not be read`);
    return facts;
  }

  async #fetchVersion(versionKey: number): Promise<Version> {
    const cached = this.#versions.get(versionKey);
    if (cached !== undefined) return cached;
    const { store, operators, dagsDirectory } = this.#options;
    const stored = await store.definitions.getVersion(versionKey);
    if (stored === null) throw new Error(`version ${versionKey} is gone`);
    const version = {
      // The definition was checked when it was registered, and the store keeps it as it was.
      compiled: compileDefinition(stored.definition as Definition, operators),
      directory: stored.filePath === null ? dagsDirectory : dirname(join(dagsDirectory, stored.filePath)),
    };
    this.#versions.set(versionKey, version);
    return version;
  }

  async #readOutputs(compiled: CompiledDefinition, run: RunAggregate, instance: Instance): Promise<Outputs> {
    const names = new Set(compiled.tasks[instance.task]?.outputRefs.map((ref) => ref.task));
    if (names.size === 0) return noOutputs;
    const ordinals = run.plan.tasks.flatMap((task, ordinal) => (names.has(task.id) ? [ordinal] : []));
    const rows = await this.#options.store.runs.readOutputs(run.run.runKey, ordinals);
    const byTask = new Map<string, Record<string, JsonObject[string]>>();
    for (const ordinal of ordinals) byTask.set(run.plan.tasks[ordinal]?.id ?? "", {});
    for (const { ordinal, key, json } of rows) {
      const values = byTask.get(run.plan.tasks[ordinal]?.id ?? "");
      if (values !== undefined) values[key] = JSON.parse(json) as JsonObject[string];
    }
    return (task) => byTask.get(task);
  }

  #render({ facts, version }: Ingredients, run: RunAggregate, instance: Instance, outputs: Outputs): Assignment {
    const task = taskOf(run, instance);
    const rendered = renderTask(
      version.compiled,
      instance.task,
      this.#context({ facts, version }, run, instance, outputs),
    );
    const { runId, dagId } = run.run;
    return create(AssignmentSchema, {
      attempt: attemptRefOf(run, instance),
      dagId,
      operatorType: task.operatorType,
      operator: rendered.operator as JsonObject & Assignment["operator"],
      environment: rendered.environment,
      values: rendered.values,
      parameters: rendered.parameters as JsonObject & Assignment["parameters"],
      timeout: durationFromMs(task.timeoutMs),
      gracePeriod: durationFromMs(task.graceMs),
      executionDate: timestampFromMs(facts.logicalAt),
      dagDirectory: version.directory,
      traceparent: facts.traceparent ?? "",
      lease: durationFromMs(this.#options.workerLeaseMs),
      idempotencyKey: `${runId}/${task.id}${instance.itemKey === null ? "" : `/${instance.itemKey}`}/${instance.generation}.${instance.tryNumber}`,
      maxTries: maxTries(task, instance),
      captureStdout: version.compiled.definition.tasks[instance.task]?.captureStdout ?? false,
      logMaxBytes: BigInt(this.#options.logMaxBytes),
    });
  }

  #context({ facts, version }: Ingredients, run: RunAggregate, instance: Instance, outputs: Outputs): RenderContext {
    const task = taskOf(run, instance);
    return {
      params: facts.parameters as JsonObject,
      logicalAt: facts.logicalAt,
      intervalStartAt: facts.intervalStartAt,
      intervalEndAt: facts.intervalEndAt,
      now: this.#options.store.now(),
      timezone: version.compiled.definition.timezone,
      run: {
        dag_run_id: run.run.runId,
        dag_id: run.run.dagId,
        run_type: facts.runType,
        start_date: toText(run.run.startedAt),
      },
      taskInstance: { task_id: task.id, try_number: instance.tryNumber, max_tries: maxTries(task, instance) },
      outputs,
      tempDir: tempDirPlaceholder,
    };
  }
}

type Outputs = (task: string) => JsonObject | undefined;

const noOutputs: Outputs = () => undefined;

function toText(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

function usesOutputs(compiled: CompiledDefinition, instance: Instance): boolean {
  return (compiled.tasks[instance.task]?.outputRefs.length ?? 0) > 0;
}

function taskOf(run: RunAggregate, instance: Instance): PlanTask {
  const task = run.plan.tasks[instance.task];
  if (task === undefined) throw new Error(`run ${run.run.runId} has no task ${instance.task}`);
  return task;
}

function maxTries(task: PlanTask, instance: Instance): number {
  return task.retry.maxRetries + 1 + instance.infraTries;
}
