import type { MessageInitShape } from "@bufbuild/protobuf";
import { closestName } from "#core/closest-name.ts";
import { judgeEvents } from "#core/decide-run.ts";
import type { EventVerdict } from "#core/event-verdict.ts";
import type { RerunTarget, RunEvent } from "#core/run-event.ts";
import type { RunAggregate } from "#core/run-model.ts";
import { prepareRerun } from "#definition/rendering/prepare-rerun.ts";
import { AppError } from "#errors/app-error.ts";
import { type RepairedTask, type RepairRunRequest, RerunFrom } from "#gen/millrace/v1/executor_service_pb.js";
import { type RepairPlanSchema, TaskState } from "#gen/millrace/v1/task_service_pb.js";
import type { RunFacts } from "#ports/run-store.ts";
import type { Store } from "#ports/store.ts";
import { checkRemovedOutputs, type RemovedOutputsDeps } from "./removed-outputs.ts";
import { refusedRepair } from "./refused-repair.ts";
import { prepareRepairPlan, type RepairPlanWriter } from "./repair-plan-message.ts";
import { type NamedRepair, nameRepair } from "./repair-request.ts";
import type { Submission, SubmissionResult } from "./turn.ts";

export interface RepairDeps extends RemovedOutputsDeps {
  readonly submit: (submission: Submission) => Promise<SubmissionResult>;
}

type RepairEvent = Extract<RunEvent, { kind: "rerun" | "clear" | "mark" }>;

/** A run that changes while its repair is prepared is looked at again, so often. */
const maxTries = 5;

/**
 * Reruns, clears or marks, and answers what came of it after COMMIT; with `plan` the same answer from the same decision,
 * which is not written. A request that was answered before is answered the same again, and changes nothing. Throws
 * RUN_NOT_FOUND, RUN_ARCHIVED, TASK_INSTANCE_NOT_FOUND, NOTHING_TO_REPAIR, IDEMPOTENCY_CONFLICT, OUTPUTS_REMOVED and
 * what `prepareRerun` throws.
 */
export async function repairRun(
  deps: RepairDeps,
  request: RepairRunRequest,
): Promise<MessageInitShape<typeof RepairPlanSchema>> {
  const runKey = await deps.store.runs.findRunKey(request.dagRunId);
  if (runKey === null) throw runNotFound(request);
  const named = nameRepair(deps.store, request);
  for (let tries = 1; tries <= maxTries; tries += 1) {
    const answered = await named?.findAnswer();
    if (answered) return answered;
    const found = await readRun(deps.store, runKey);
    if (found === null) continue;
    const event = await toEvent(deps.store, found, request);
    const judgeIt = () => judge(deps.store, { runKey, event });
    const warnings = await checkRemovedOutputs(deps, { run: found.run, event, judge: judgeIt });
    const toMessage = await prepareRepairPlan(deps.store, { facts: found.facts, event, warnings });
    const prepared = { runKey, event, toMessage, named };
    const verdict = request.plan ? await judgeIt() : await write(deps, prepared);
    if (verdict === null || isOvertaken(verdict)) continue;
    if (verdict.accepted) return toMessage(verdict.repair?.tasks ?? []);
    if (verdict.reason === "nothing_to_do" && named !== null) return named.keepRefusal();
    // A write of it that nobody has heard of may be what the refusal follows from.
    const earlier = await named?.findAnswer();
    if (earlier) return earlier;
    throw refusedRepair(verdict.reason, request.dagRunId);
  }
  throw new AppError("RUN_CHANGED", `run ${request.dagRunId} changes too often to be repaired; try again`, {
    details: { dag_run_id: request.dagRunId },
  });
}

interface FoundRun {
  readonly run: RunAggregate;
  readonly facts: RunFacts;
}

/** Null while another process writes it. */
async function readRun(store: Store, runKey: number): Promise<FoundRun | null> {
  const [read] = await store.runs.changeRuns([{ runKey, decide: () => null }]);
  const [facts] = await store.runs.readFacts([runKey]);
  return read?.kind === "unchanged" && facts !== undefined ? { run: read.run, facts } : null;
}

interface PreparedRepair {
  readonly runKey: number;
  readonly event: RepairEvent;
  readonly toMessage: RepairPlanWriter;
  readonly named: NamedRepair | null;
}

async function judge(
  store: Store,
  { runKey, event }: Pick<PreparedRepair, "runKey" | "event">,
): Promise<EventVerdict | null> {
  let verdict: EventVerdict | null = null;
  const decide = (run: RunAggregate): null => {
    verdict = judgeEvents(run, [event], store.now())[0] ?? null;
    return null;
  };
  const [result] = await store.runs.changeRuns([{ runKey, decide }]);
  return result?.kind === "unchanged" ? verdict : null;
}

/** Null: the run is gone, or the request has got its answer meanwhile. */
async function write(
  { submit }: RepairDeps,
  { runKey, event, toMessage, named }: PreparedRepair,
): Promise<EventVerdict | null> {
  const answer: Pick<Submission, "answer"> =
    named === null ? {} : { answer: ({ repair }) => named.toKept(toMessage(repair?.tasks ?? [])) };
  try {
    const result = await submit({ runKey, event, freesSlotOf: null, ...answer });
    return result.kind === "judged" ? result.verdict : null;
  } catch (error) {
    if (error instanceof AppError && error.code === "IDEMPOTENCY_CONFLICT") return null;
    throw error;
  }
}

function isOvertaken(verdict: EventVerdict): boolean {
  return !verdict.accepted && verdict.reason === "stale_revision";
}

/** A run that loses outputs has another revision: what was prepared with them is then refused. */
async function toEvent(store: Store, { run, facts }: FoundRun, request: RepairRunRequest): Promise<RepairEvent> {
  const { action, caller, note } = request;
  const author = { by: caller, note };
  const { revision } = run.run;
  switch (action.case) {
    case "rerun": {
      const { parameters, latestVersion } = action.value;
      const target = await prepareRerun(store, facts, {
        latestVersion,
        parameters: parameters,
      });
      const from = fromOf(action.value);
      const tasks = target?.version?.plan.tasks ?? ownTasks(run);
      if (typeof from !== "string") for (const id of from) requireTask(id, tasks, request);
      return { kind: "rerun", from, target: target ?? unchanged(facts), author };
    }
    case "clear": {
      const { tasks, includeDownstream } = action.value;
      return { kind: "clear", ordinals: findOrdinals(run, tasks, request), includeDownstream, revision, author };
    }
    case "mark": {
      const { tasks, includeDownstream, state } = action.value;
      const ordinals = findOrdinals(run, tasks, request);
      return { kind: "mark", ordinals, state: markedState(state), includeDownstream, revision, author };
    }
    case undefined:
      throw new AppError("INVALID_ARGUMENT", "action is missing; ask for rerun, clear or mark");
  }
}

function unchanged({ revision }: RunFacts): RerunTarget {
  return { revision, version: null, parameters: null };
}

function fromOf({
  from,
  taskIds,
}: {
  from: RerunFrom;
  taskIds: readonly string[];
}): "failed" | "all" | readonly string[] {
  if (from === RerunFrom.ALL) return "all";
  return from === RerunFrom.TASKS ? taskIds : "failed";
}

function markedState(state: TaskState): "success" | "failed" | "skipped" {
  if (state === TaskState.SUCCESS) return "success";
  if (state === TaskState.FAILED) return "failed";
  if (state === TaskState.SKIPPED) return "skipped";
  throw new AppError("INVALID_ARGUMENT", "state can only be marked success, failed or skipped", {
    details: { field: "state" },
  });
}

/** Ordinals of the named tasks and items; without names those of all tasks. */
function findOrdinals(run: RunAggregate, named: readonly RepairedTask[], request: RepairRunRequest): readonly number[] {
  const tasks = ownTasks(run);
  const groups = run.instances.filter((row) => row.mapIndex === null && row.task < tasks.length);
  if (named.length === 0) return groups.map((group) => group.ordinal);
  return named.map(({ taskId, itemKey }) => {
    const task = requireTask(taskId, tasks, request);
    const group = groups.find((row) => row.task === task);
    const item = run.instances.find(
      (row) => row.task === task && row.itemKey === itemKey && row.generation === group?.generation,
    );
    const found = itemKey === undefined ? group : item;
    if (found === undefined) throw taskNotFound(`${taskId}[${itemKey}]`, tasks, request);
    return found.ordinal;
  });
}

/** The tasks of the run's version, without those that it no longer has. */
function ownTasks({ plan, run }: RunAggregate): readonly { readonly id: string }[] {
  return plan.tasks.slice(0, plan.tasks.length - run.removedTasks.length);
}

function requireTask(id: string, tasks: readonly { readonly id: string }[], request: RepairRunRequest): number {
  const place = tasks.findIndex((task) => task.id === id);
  if (place < 0) throw taskNotFound(id, tasks, request);
  return place;
}

function taskNotFound(id: string, tasks: readonly { readonly id: string }[], { dagRunId }: RepairRunRequest): AppError {
  const closest = closestName(
    id,
    tasks.map((task) => task.id),
  );
  const advice = closest === null ? "" : `; did you mean ${closest}?`;
  return new AppError("TASK_INSTANCE_NOT_FOUND", `run ${dagRunId} has no task ${id} in its version${advice}`, {
    details: { dag_run_id: dagRunId, task_id: id, ...(closest === null ? {} : { closest }) },
  });
}

function runNotFound({ dagRunId }: RepairRunRequest): AppError {
  return new AppError("RUN_NOT_FOUND", `there is no run ${dagRunId}`, { details: { dag_run_id: dagRunId } });
}
