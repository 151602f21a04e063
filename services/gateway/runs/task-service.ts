import { create, type JsonObject } from "@bufbuild/protobuf";
import type { ServiceImpl, Transport } from "@connectrpc/connect";
import { taskStates } from "#core/states.ts";
import { AppError } from "#errors/app-error.ts";
import { type TaskService, type XcomBeginning, XcomBeginningSchema } from "#gen/millrace/v1/task_service_pb.js";
import type { LogStore } from "#ports/log-store.ts";
import type { InstanceView, OutputView } from "#ports/run-views.ts";
import type { Queries } from "#ports/queries.ts";
import type { KeptKind, RetentionStore } from "#ports/retention-store.ts";
import type { Wake } from "#ports/wake.ts";
import { durationForms, parseDuration } from "#schedule/duration.ts";
import { toAttemptMessage } from "./attempt-message.ts";
import { requireDag } from "../dags/dag-service.ts";
import type { Explain } from "../explain/explain.ts";
import { toInstanceExplanation } from "../explain/explanation-message.ts";
import { findLogRange, streamLogRange } from "../logs/log-range.ts";
import { parseFilter, readSingle, readWords } from "../filter.ts";
import { followLog } from "../logs/follow-log.ts";
import { invalidField, readPage } from "../list-request.ts";
import { toLogMessages } from "../logs/log-message.ts";
import { removedLogLine } from "../logs/removed-log.ts";
import { findRemoval, hasLost, textOfRemoval } from "./removals.ts";
import { createRepairForward, readMarkState } from "./repair-forward.ts";
import { onlyOne, requireRun } from "./run-service.ts";
import { toTaskInstanceMessage } from "./task-message.ts";
import type { UsageReader } from "./usage-reader.ts";
import { toXcomMessage, toXcomValues } from "./xcom-message.ts";

/** The term and the field that find what runs for long. */
const longRunning = "running_longer_than";
const maxXcomLength = 1000;
const maxXcomBeginnings = 100;

export interface TaskServiceDeps {
  readonly queries: Queries;
  readonly explain: Explain;
  readonly logs: LogStore;
  readonly retention: RetentionStore;
  readonly usage: UsageReader;
  readonly wake: Wake;
  readonly executor: Transport;
  /** Aborted when the service stops. */
  readonly stopSignal: AbortSignal;
}

/** Handles TaskService: reads from the store, repairs through an executor. */
export function createTaskService(deps: TaskServiceDeps): ServiceImpl<typeof TaskService> {
  const { queries } = deps;
  return {
    ...createTaskRepairs(deps),
    ...createLogStream(deps),
    async listTaskInstances(request) {
      const page = readPage(request);
      const filter = parseFilter(request.filter, { terms: ["state", "dag_id", longRunning], text: false });
      const dagId = onlyOne("dag_id", request.dagId, readSingle(filter, "dag_id"));
      const stateWords = onlyOne("state", request.state, filter.terms.get("state")?.join(",") ?? null);
      const states = stateWords === null ? [] : readWords("state", stateWords.split(","), taskStates);
      const runId =
        request.dagRunId === ""
          ? null
          : (await requireRun(queries, { runId: request.dagRunId, dagId: dagId ?? "" })).runId;
      const longer = onlyOne(longRunning, request.runningLongerThan, readSingle(filter, longRunning));
      const runningLongerThanMs = longer === null ? null : readDuration(longRunning, longer);
      const found = await queries.listInstances(page, { runId, dagId, states, runningLongerThanMs });
      if (found.totalCount === 0 && runId === null && dagId !== null) await requireDag(queries, dagId);
      return {
        taskInstances: found.items.map(toTaskInstanceMessage),
        nextCursor: found.nextCursor ?? "",
        totalCount: BigInt(found.totalCount),
        pageSize: page.limit,
      };
    },

    async getTaskInstance({ id, xcomLength }) {
      if (xcomLength < 0 || xcomLength > maxXcomLength)
        throw invalidField("xcom_length", `must be 0 to ${maxXcomLength}, not ${xcomLength}`);
      const view = await requireInstance(queries, id);
      const lostOf = async (kind: KeptKind): Promise<string> => {
        const removal = await findRemoval(deps.retention, view.runKey, kind);
        return hasLost(removal, view.endedAt) ? textOfRemoval(removal) : "";
      };
      const [outputs, xcomRemoved, artifactsRemoved, usage] = await Promise.all([
        readOutputs(queries, view, xcomLength),
        lostOf("outputs"),
        lostOf("artifacts"),
        deps.usage.ofInstance(view),
      ]);
      return { taskInstance: { ...toTaskInstanceMessage(view), ...outputs, xcomRemoved, artifactsRemoved, usage } };
    },

    async listAttempts({ id }) {
      const view = await requireInstance(queries, id);
      const attempts = await queries.listAttempts(view.runKey, view.ordinal);
      return { attempts: attempts.map(toAttemptMessage) };
    },

    async listXcom({ dagRunId, taskId }) {
      const { runId, runKey } = await requireRun(queries, { runId: dagRunId, dagId: "" });
      const [outputs, removal] = await Promise.all([
        queries.listOutputs(runId, taskId === "" ? null : taskId),
        findRemoval(deps.retention, runKey, "outputs"),
      ]);
      return { xcom: outputs.map(toXcomMessage), removed: textOfRemoval(removal) };
    },
  };
}

/** The first message of a log stream is empty and says that it is open. */
function createLogStream(deps: TaskServiceDeps): Pick<ServiceImpl<typeof TaskService>, "streamLogs"> {
  return {
    async *streamLogs({ id, attempt, follow, after, range }, context) {
      const view = await requireInstance(deps.queries, id);
      if (attempt < 0 || (attempt > view.tryNumber && attempt !== 0)) {
        throw invalidField("attempt", `must be 1 to ${view.tryNumber}, the newest, not ${attempt}`);
      }
      if (after < 0n) throw invalidField("after", "must be a line number, or 0");
      if (range !== "") {
        const part = await findLogRange(deps.logs, view, { tryNumber: attempt, range });
        if (part !== null) return yield* streamLogRange(deps.logs, part);
      }
      yield { lines: [] };
      const signal = AbortSignal.any([context.signal, deps.stopSignal]);
      const place = { instanceId: id, tryNumber: attempt === 0 ? null : attempt, afterLine: Number(after) };
      let isEmpty = true;
      for await (const { lines, tryNumber } of followLog(deps, { ...place, follow, signal })) {
        isEmpty = false;
        yield* toLogMessages(lines, tryNumber);
      }
      if (!isEmpty || after > 0n) return;
      const removal = await findRemoval(deps.retention, view.runKey, "logs");
      const line = await removedLogLine(deps.queries, view, { removal, tryNumber: attempt });
      if (line !== null) yield* toLogMessages([line], attempt === 0 ? view.tryNumber : attempt);
    },
  };
}

/** What changes one instance, and why it waits. */
function createTaskRepairs({
  queries,
  explain,
  executor,
}: TaskServiceDeps): Pick<
  ServiceImpl<typeof TaskService>,
  "clearTaskInstance" | "markTaskInstance" | "explainTaskInstance"
> {
  const repair = createRepairForward(executor);
  return {
    async clearTaskInstance({ id, includeDownstream, plan, note, requestId }, context) {
      const { runId, taskId } = await requireInstance(queries, id);
      const value = { tasks: [{ taskId }], includeDownstream };
      return {
        repair: await repair({ dagRunId: runId, plan, note, requestId, action: { case: "clear", value } }, context),
      };
    },

    async markTaskInstance({ id, state, includeDownstream, plan, note, requestId }, context) {
      const { runId, taskId, itemKey } = await requireInstance(queries, id);
      const tasks = [{ taskId, ...(itemKey === null ? {} : { itemKey }) }];
      const value = { state: readMarkState(state), tasks, includeDownstream };
      return {
        repair: await repair({ dagRunId: runId, plan, note, requestId, action: { case: "mark", value } }, context),
      };
    },

    async explainTaskInstance({ id }) {
      const view = await requireInstance(queries, id);
      const facts = await explain(view.runId, { ordinal: view.ordinal, limit: 1 });
      const instance = facts?.instances[0];
      if (facts === null || instance === undefined) throw instanceNotFound(id);
      return { explanation: toInstanceExplanation(instance, facts) };
    },
  };
}

/** The instance, or `TASK_INSTANCE_NOT_FOUND`. */
async function requireInstance(queries: Queries, id: string): Promise<InstanceView> {
  if (id === "") throw invalidField("id", "is missing; name a task instance");
  const view = await queries.getInstance(id);
  if (view === null) throw instanceNotFound(id);
  return view;
}

function instanceNotFound(id: string): AppError {
  return new AppError("TASK_INSTANCE_NOT_FOUND", `no task instance ${id}`, { details: { id } });
}

/** A duration as definitions have them. */
function readDuration(name: string, text: string): number {
  const durationMs = parseDuration(text);
  if (durationMs === null)
    throw invalidField(name, `must be a duration such as ${durationForms}, not ${text.slice(0, 40)}`);
  return durationMs;
}

/** What an instance has left, whole or the beginnings. */
async function readOutputs(
  queries: Queries,
  view: InstanceView,
  xcomLength: number,
): Promise<{ xcomValues: JsonObject; xcomBeginnings: XcomBeginning[] }> {
  if (xcomLength === 0) {
    const outputs = await queries.listOutputs(view.runId, view.taskId);
    return { xcomValues: toXcomValues(outputs.filter((item) => isOf(view, item))), xcomBeginnings: [] };
  }
  const beginnings = await queries.listOutputBeginnings(view, { characters: xcomLength, limit: maxXcomBeginnings });
  const xcomBeginnings = beginnings.map(({ key, beginning, sizeBytes }) =>
    create(XcomBeginningSchema, { key, beginning, size: BigInt(sizeBytes) }),
  );
  return { xcomValues: {}, xcomBeginnings };
}

function isOf(view: InstanceView, output: OutputView): boolean {
  return output.taskId === view.taskId && output.mapIndex === view.mapIndex;
}
