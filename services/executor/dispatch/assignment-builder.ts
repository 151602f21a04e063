import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { dirname, join } from "node:path";
import { LRUCache } from "lru-cache";
import type { PlanTask } from "#core/plan.ts";
import type { EvaluationResult } from "#core/run-event.ts";
import type { Instance, RunAggregate } from "#core/run-model.ts";
import { type CompiledDefinition, compileDefinition, taskAt } from "#definition/rendering/compile-definition.ts";
import { evaluateItems, type FanOutItem } from "#definition/rendering/fan-out-items.ts";
import { AppError, describeError } from "#errors/app-error.ts";
import type { Definition, JsonObject } from "#definition/model.ts";
import type { RenderContext } from "#definition/rendering/render-context.ts";
import { evaluateWhen, renderTask } from "#definition/rendering/render-task.ts";
import type { TaskEnclosure } from "#definition/schema/task-enclosure.ts";
import type { TaskResources } from "#definition/schema/task-resources.ts";
import { type Assignment, AssignmentSchema } from "#gen/millrace/v1/worker_session_service_pb.js";
import { tempDirPlaceholder } from "#operators/temp-dir.ts";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import type { RunFacts } from "#ports/run-store.ts";
import type { Store } from "#ports/store.ts";
import type { Logger } from "#telemetry/logger.ts";
import type { Assignments } from "./assignments.ts";
import { endedView } from "./ended-view.ts";
import { attemptRefOf } from "../sessions/attempt-ref.ts";
import { SecretMarkers } from "#secrets/secret-markers.ts";
import { type ItemList, ItemLists } from "./item-lists.ts";
import { noOutputs, readTaskOutputs, type TaskOutputs } from "./task-outputs.ts";
import type { RenderedWait } from "../waits/wait-plan.ts";

/** Tasks of all compiled versions together; 100,000 are about 35 MB. */
const maxCachedTasks = 150_000;
const maxCachedRuns = 10_000;

export interface AssignmentBuilderOptions {
  readonly store: Store;
  readonly operators: OperatorSchemas;
  readonly dagsDirectory: string;
  readonly workerLeaseMs: number;
  readonly logMaxBytes: number;
  readonly logger: Logger;
}

/** What rendering needs beside the run itself; cached, since versions stay and facts hold for a revision of the run. */
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
 * Renders by the definition. When run, version and element of an item are known and the task uses no outputs the
 * answer is there at once, so that a hand-off rides on its acknowledgement.
 */
export class AssignmentBuilder implements Assignments {
  readonly #options: AssignmentBuilderOptions;
  readonly #facts = new LRUCache<number, RunFacts>({ max: maxCachedRuns });
  readonly #reading = new Map<number, Promise<void>>();
  readonly #versions = new LRUCache<number, Version>({
    maxSize: maxCachedTasks,
    sizeCalculation: ({ compiled }) => compiled.tasks.length + 1,
  });
  readonly #itemLists = new ItemLists();

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
    const facts = this.#knownFacts(run);
    const version = this.#versions.get(run.run.versionKey);
    if (facts === undefined || version === undefined) return this.#buildLater(run, instance);
    const item = instance.mapIndex === null ? null : this.#itemLists.find(run, instance);
    if (item === undefined || taskAt(version.compiled, instance.task).outputRefs.length > 0)
      return this.#buildLater(run, instance);
    return this.#render({ facts, version }, run, instance, { item, outputs: noOutputs });
  }

  async evaluate(run: RunAggregate, instance: Instance): Promise<EvaluationResult> {
    const ingredients = await this.#fetch(run);
    const { compiled } = ingredients.version;
    const task = taskAt(compiled, instance.task);
    const outputs = await readTaskOutputs(this.#options.store, run, task.outputRefs);
    const context = this.#context(ingredients, run, instance, { item: null, outputs });
    if (!evaluateWhen(compiled, instance.task, context)) return { kind: "skip" };
    if (task.forEach === null) return { kind: "run" };
    const items = await this.#readItems(ingredients, run, instance);
    this.#itemLists.remember(run, instance, items);
    return { kind: "fan_out", items: items.map(({ key }) => ({ key })) };
  }

  async renderWait(run: RunAggregate, instance: Instance): Promise<RenderedWait> {
    const ingredients = await this.#fetch(run);
    const { compiled } = ingredients.version;
    const given = await this.#readGiven(ingredients, run, instance);
    // The attempt begins with its answer, and its run with the first wait; to whoever reads of them they have begun.
    const coming = { ...instance, tryNumber: instance.tryNumber + 1 };
    const startedAt = run.run.startedAt ?? this.#options.store.now();
    const begun = { ...run, run: { ...run.run, startedAt } };
    const { operator } = renderTask(compiled, instance.task, this.#context(ingredients, begun, coming, given));
    const { operatorType } = taskOf(run, instance);
    return { operatorType, config: operator, timezone: compiled.definition.timezone };
  }

  async #buildLater(run: RunAggregate, instance: Instance): Promise<Assignment> {
    const ingredients = await this.#fetch(run);
    return this.#render(ingredients, run, instance, await this.#readGiven(ingredients, run, instance));
  }

  async #readGiven(ingredients: Ingredients, run: RunAggregate, instance: Instance): Promise<Given> {
    const { outputRefs } = taskAt(ingredients.version.compiled, instance.task);
    const [item, outputs] = await Promise.all([
      instance.mapIndex === null
        ? null
        : this.#itemLists.fetch(run, instance, () => this.#readItems(ingredients, run, instance)),
      readTaskOutputs(this.#options.store, run, outputRefs),
    ]);
    return { item, outputs };
  }

  /** The list that a task fans out over: the same for the group and each of its items. */
  async #readItems(ingredients: Ingredients, run: RunAggregate, instance: Instance): Promise<ItemList> {
    const { compiled } = ingredients.version;
    const task = taskAt(compiled, instance.task);
    const outputs = await readTaskOutputs(this.#options.store, run, [
      ...task.outputRefs,
      ...(task.forEach?.outputRefs ?? []),
    ]);
    const group = { ...instance, mapIndex: null, tryNumber: 0, infraTries: 0 };
    return (
      evaluateItems(compiled, instance.task, this.#context(ingredients, run, group, { item: null, outputs })) ?? []
    );
  }

  async #fetch(run: RunAggregate): Promise<Ingredients> {
    const [facts, version] = await Promise.all([this.#fetchFacts(run), this.#fetchVersion(run.run.versionKey)]);
    return { facts, version };
  }

  /** Facts hold for one revision of their run: a rerun may change its parameters. */
  #knownFacts({ run }: RunAggregate): RunFacts | undefined {
    const facts = this.#facts.get(run.runKey);
    return facts !== undefined && facts.revision >= run.revision ? facts : undefined;
  }

  async #fetchFacts(run: RunAggregate): Promise<RunFacts> {
    const { runKey } = run.run;
    // A read that was under way may be of the revision before.
    await this.#reading.get(runKey);
    if (this.#knownFacts(run) === undefined) {
      this.#facts.delete(runKey);
      await this.prefetch([runKey]);
    }
    const facts = this.#knownFacts(run);
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

  #render({ facts, version }: Ingredients, run: RunAggregate, instance: Instance, given: Given): Assignment {
    const task = taskOf(run, instance);
    const secrets = new SecretMarkers();
    const context = this.#context({ facts, version }, run, instance, given);
    const secretMarker = (name: string): string => secrets.markerOf(name);
    const rendered = renderTask(version.compiled, instance.task, { ...context, secretMarker });
    const { runId, dagId } = run.run;
    return create(AssignmentSchema, {
      attempt: attemptRefOf(run, instance),
      dagId,
      operatorType: task.operatorType,
      operator: rendered.operator as JsonObject & Assignment["operator"],
      environment: rendered.environment,
      values: rendered.values,
      parameters: rendered.parameters as JsonObject & Assignment["parameters"],
      secrets: secrets.names,
      timeout: durationFromMs(task.timeoutMs),
      gracePeriod: durationFromMs(task.graceMs),
      executionDate: timestampFromMs(facts.logicalAt),
      dagDirectory: version.directory,
      traceparent: facts.traceparent ?? "",
      lease: durationFromMs(this.#options.workerLeaseMs),
      idempotencyKey: `${runId}/${task.id}${instance.itemKey === null ? "" : `/${instance.itemKey}`}/${instance.generation}.${instance.tryNumber}`,
      maxTries: maxTries(task, instance),
      ...toResources(version.compiled.definition.tasks[instance.task]?.resources),
      ...toEnclosure(version.compiled.definition.tasks[instance.task]?.enclosure),
      captureStdout: version.compiled.definition.tasks[instance.task]?.captureStdout ?? false,
      logMaxBytes: BigInt(this.#options.logMaxBytes),
    });
  }

  #context({ facts, version }: Ingredients, run: RunAggregate, instance: Instance, given: Given): RenderContext {
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
      outputs: given.outputs,
      ...(given.item === null ? {} : { item: { value: given.item.value, index: instance.mapIndex ?? 0 } }),
      ...(task.hook === undefined ? {} : { ended: endedView(run, instance, task.hook) }),
      tempDir: tempDirPlaceholder,
    };
  }
}

/** What was read for one rendering. */
interface Given {
  /** Null: the instance is no item of a fan-out. */
  readonly item: FanOutItem | null;
  readonly outputs: TaskOutputs;
}

type EnclosureFields = Pick<Assignment, "isolation" | "image" | "network" | "filesystem" | "allowPaths">;

function toEnclosure(given: TaskEnclosure | undefined): Partial<EnclosureFields> {
  if (given === undefined) return {};
  const { image, allowPaths, ...enclosure } = given;
  return { ...enclosure, image: image ?? "", allowPaths: [...allowPaths] };
}

function toResources(given: TaskResources | undefined): MessageInitShape<typeof AssignmentSchema> {
  if (given === undefined) return {};
  const { cpus, memoryBytes, diskBytes, gpus } = given;
  const bytes = { memoryBytes: BigInt(memoryBytes ?? 0), diskBytes: BigInt(diskBytes ?? 0) };
  return { resources: { cpu: cpus ?? 0, ...bytes, gpus: gpus ?? 0 } };
}

function toText(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

function taskOf(run: RunAggregate, instance: Instance): PlanTask {
  const task = run.plan.tasks[instance.task];
  if (task === undefined) throw new Error(`run ${run.run.runId} has no task ${instance.task}`);
  return task;
}

function maxTries(task: PlanTask, instance: Instance): number {
  return task.retry.maxRetries + 1 + instance.infraTries;
}
