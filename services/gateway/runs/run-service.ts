import type { ServiceImpl, Transport } from "@connectrpc/connect";
import { createClient } from "@connectrpc/connect";
import { runStates } from "#core/states.ts";
import { AppError } from "#errors/app-error.ts";
import { ExecutorService } from "#gen/millrace/v1/executor_service_pb.js";
import { RerunVersion, RunAction, type RunService, RunType } from "#gen/millrace/v1/run_service_pb.js";
import { SchedulerService } from "#gen/millrace/v1/scheduler_service_pb.js";
import type { Queries } from "#ports/queries.ts";
import type { RunView } from "#ports/run-views.ts";
import { requireDag } from "../dags/dag-service.ts";
import { parseFilter, readSingle, readWords } from "../filter.ts";
import { anonymousCaller, forwardOptions } from "../forward.ts";
import { invalidField, readPage } from "../list-request.ts";
import type { Explain } from "../explain/explain.ts";
import { readExplainRequest } from "../explain/explain-request.ts";
import { toRunExplanation } from "../explain/explanation-message.ts";
import type { RunEnds } from "./run-ends.ts";
import { createRepairForward, readMarkState, readRerunFrom } from "./repair-forward.ts";
import { toRunMessage } from "./run-message.ts";

/** Stands for the newest run of a DAG wherever a run id does. */
const latest = "latest";

export interface RunServiceDeps {
  readonly queries: Queries;
  readonly explain: Explain;
  readonly scheduler: Transport;
  readonly executor: Transport;
  readonly ends: RunEnds;
  /** Aborted when the gateway stops. */
  readonly stopSignal: AbortSignal;
}

/** Handles RunService: reads from the store, triggers through the scheduler, changes through an executor. */
export function createRunService(deps: RunServiceDeps): ServiceImpl<typeof RunService> {
  const { queries } = deps;
  const scheduler = createClient(SchedulerService, deps.scheduler);
  const executor = createClient(ExecutorService, deps.executor);
  return {
    ...createRunRepairs(deps),
    async triggerDagRun(request, context) {
      if (request.dagId === "") throw invalidField("dag_id", "is missing; name a DAG");
      const asked = {
        trigger: { ...request, wait: false },
        caller: anonymousCaller,
        runType: RunType.MANUAL,
        traceparent: context.requestHeader.get("traceparent") ?? "",
      };
      const options = { ...forwardOptions(context), signal: context.signal };
      const watch = request.wait ? deps.ends.watch() : null;
      const made = await scheduler.createRun(asked, options).catch(async (error: unknown) => {
        watch?.leave();
        // The scheduler does not say what is wrong in the file of a DAG that never was registered.
        if (error instanceof AppError && error.code === "DAG_NOT_FOUND") await requireDag(queries, request.dagId);
        throw error;
      });
      const awaited = { runId: made.dagRunId, isNew: !made.repeatedRequest };
      const waited = await watch?.until(awaited, AbortSignal.any([context.signal, deps.stopSignal]));
      const run = waited ?? (await requireRun(queries, { runId: made.dagRunId, dagId: "" }));
      if (request.wait && run.endedAt === null) throw stillRunning(run.runId);
      return { dagRun: toRunMessage(run), repeatedRequest: made.repeatedRequest };
    },

    async listDagRuns(request) {
      const page = readPage(request);
      const filter = parseFilter(request.filter, { terms: ["state", "dag_id"], text: false });
      const dagId = onlyOne("dag_id", request.dagId, readSingle(filter, "dag_id"));
      const stateWords = onlyOne("state", request.state, filter.terms.get("state")?.join(",") ?? null);
      const states = stateWords === null ? [] : readWords("state", stateWords.split(","), runStates);
      const found = await queries.listRuns(page, { dagId, states });
      if (found.totalCount === 0 && dagId !== null) await requireDag(queries, dagId);
      return {
        dagRuns: found.items.map(toRunMessage),
        nextCursor: found.nextCursor ?? "",
        totalCount: BigInt(found.totalCount),
        pageSize: page.limit,
      };
    },

    async getDagRun({ dagRunId, dagId }) {
      return { dagRun: toRunMessage(await requireRun(queries, { runId: dagRunId, dagId })) };
    },

    async cancelDagRun({ dagRunId, reason }, context) {
      const { runId } = await requireRun(queries, { runId: dagRunId, dagId: "" });
      await executor.cancelRun({ dagRunId: runId, reason, caller: anonymousCaller }, forwardOptions(context));
      return { dagRun: toRunMessage(await requireRun(queries, { runId, dagId: "" })) };
    },
  };
}

/** What changes a run that is there: pause and resume, rerun, clear and mark; and why it waits. */
function createRunRepairs({
  queries,
  explain,
  executor: transport,
}: RunServiceDeps): Pick<
  ServiceImpl<typeof RunService>,
  "updateDagRun" | "rerunDagRun" | "clearDagRun" | "markDagRun" | "explainDagRun"
> {
  const executor = createClient(ExecutorService, transport);
  const repair = createRepairForward(transport);
  const idOf = async (dagRunId: string): Promise<string> =>
    (await requireRun(queries, { runId: dagRunId, dagId: "" })).runId;
  return {
    async updateDagRun({ dagRunId, action, plan, note, requestId }, context) {
      const runId = await idOf(dagRunId);
      if (action === RunAction.CLEAR) {
        const whole = { case: "clear", value: { includeDownstream: true } } as const;
        const done = await repair({ dagRunId: runId, plan, note, requestId, action: whole }, context);
        if (plan) return { repair: done };
        return { repair: done, dagRun: toRunMessage(await requireRun(queries, { runId, dagId: "" })) };
      }
      if (action === RunAction.UNSPECIFIED) throw invalidField("action", "is missing; it is pause, resume or clear");
      if (plan) throw invalidField("plan", "is for action clear");
      const isPaused = action === RunAction.PAUSE;
      await executor.setRunPaused({ dagRunId: runId, isPaused, caller: anonymousCaller }, forwardOptions(context));
      return { dagRun: toRunMessage(await requireRun(queries, { runId, dagId: "" })) };
    },

    async rerunDagRun({ dagRunId, from, parameters, version, plan, note, requestId }, context) {
      const value = { ...readRerunFrom(from), parameters, latestVersion: version === RerunVersion.LATEST };
      const asked = {
        dagRunId: await idOf(dagRunId),
        plan,
        note,
        requestId,
        action: { case: "rerun", value },
      } as const;
      return { repair: await repair(asked, context) };
    },

    async clearDagRun({ dagRunId, taskIds, includeDownstream, plan, note, requestId }, context) {
      const value = { tasks: taskIds.map((taskId) => ({ taskId })), includeDownstream };
      const asked = {
        dagRunId: await idOf(dagRunId),
        plan,
        note,
        requestId,
        action: { case: "clear", value },
      } as const;
      return { repair: await repair(asked, context) };
    },

    async markDagRun({ dagRunId, state, taskIds, includeDownstream, plan, note, requestId }, context) {
      const tasks = taskIds.map((taskId) => ({ taskId }));
      const value = { state: readMarkState(state), tasks, includeDownstream };
      const asked = { dagRunId: await idOf(dagRunId), plan, note, requestId, action: { case: "mark", value } } as const;
      return { repair: await repair(asked, context) };
    },

    async explainDagRun(request) {
      const { runId } = await requireRun(queries, { runId: request.dagRunId, dagId: "" });
      const about = readExplainRequest(runId, request);
      const facts = await explain(runId, about);
      if (facts === null) throw new AppError("RUN_NOT_FOUND", `no run ${runId}`, { details: { dag_run_id: runId } });
      const isWhole = about.after === undefined && about.instanceIds === undefined;
      return { explanation: toRunExplanation(facts, isWhole) };
    },
  };
}

/** The run, `latest` within a DAG included; `RUN_NOT_FOUND` also when it is another DAG's. Empty `dagId`: any. */
export async function requireRun(queries: Queries, names: { runId: string; dagId: string }): Promise<RunView> {
  const runId = await resolveRunId(queries, names);
  const run = await queries.getRun(runId);
  if (run !== null && (names.dagId === "" || run.dagId === names.dagId)) return run;
  const where = names.dagId === "" ? "" : ` of DAG ${names.dagId}`;
  throw new AppError("RUN_NOT_FOUND", `no run ${runId}${where}`, { details: { dag_run_id: runId } });
}

/** The id itself, or for `latest` that of the DAG's newest run. */
async function resolveRunId(queries: Queries, { runId, dagId }: { runId: string; dagId: string }): Promise<string> {
  if (runId === "") throw invalidField("dag_run_id", "is missing; name a run");
  if (runId !== latest) return runId;
  if (dagId === "") throw invalidField("dag_run_id", "can only be latest together with a dag_id");
  const newest = await queries.latestRunId(dagId);
  if (newest !== null) return newest;
  await requireDag(queries, dagId);
  throw new AppError("RUN_NOT_FOUND", `DAG ${dagId} has no runs yet`, { details: { dag_id: dagId } });
}

/** The wait was cut short: this gateway stops. */
function stillRunning(runId: string): AppError {
  const message = `the gateway stops while run ${runId} goes on; read the run again`;
  return new AppError("PEER_UNAVAILABLE", message, { details: { dag_run_id: runId } });
}

/** A value that can come as a field of its own or as a term of the filter, but not as both. */
export function onlyOne(name: string, field: string, term: string | null): string | null {
  if (field !== "" && term !== null) throw invalidField(name, "is given twice, beside the filter and in it");
  return field === "" ? term : field;
}
