import type { DagRun } from "#gen/millrace/v1/run_service_pb.js";
import type { TaskInstance, WaitReason } from "#gen/millrace/v1/task_service_pb.js";
import type { HttpResponse } from "#rpc/http/exchange.ts";
import { durationText, facts, nextLink, postButton, table, timeText } from "./elements.ts";
import { type Html, type HtmlValue, html } from "./html.ts";
import { renderPage } from "./layout.ts";
import type { PageView } from "./page-context.ts";
import { dagPath, logPath, runPath } from "./paths.ts";
import { pausedMark, runMark, taskMark } from "./state-mark.ts";
import { waitText } from "./wait-text.ts";

const instancesShown = 100;
const reloadSeconds = 10;

/** `/dags/{dag_id}/runs/{dag_run_id}`: how far the run is, and each of its task instances. */
export async function showRun({ clients, ids, query, signal }: PageView): Promise<HttpResponse> {
  const [dagId = "", dagRunId = ""] = ids;
  const { dagRun: run } = await clients.runs.getDagRun({ dagId, dagRunId }, { signal });
  if (run === undefined) throw new TypeError("the answer has no run");
  const request = { dagRunId: run.dagRunId, limit: instancesShown, cursor: query.get("cursor") ?? "" };
  const list = await clients.tasks.listTaskInstances(request, { signal });
  const hasEnded = run.endDate !== undefined;
  const reasons = hasEnded ? [] : await explainShown(list.taskInstances, { run, clients, signal });
  const main = html`<h1 class="mono">${run.dagRunId}</h1>
<div id="run" data-live>${runFacts(run)}${!hasEnded && postButton(`${runPath(dagId, run.dagRunId)}/cancel`, "Cancel this run")}</div>
<h2>Tasks</h2><div id="tasks" data-live>${instanceTable(list.taskInstances, reasons)}</div>${nextLink(list.nextCursor)}
<h2>Parameters</h2><pre>${JSON.stringify(run.parameters ?? {}, null, 2)}</pre>`;
  return renderPage({
    title: run.dagRunId,
    trail: [
      { text: dagId, href: dagPath(dagId) },
      { text: "run", href: runPath(dagId, run.dagRunId) },
    ],
    main,
    events: hasEnded ? null : `?dag_run_id=${encodeURIComponent(run.dagRunId)}`,
    ...(hasEnded ? {} : { reloadSeconds }),
  });
}

/** Why those wait that are shown; the page asks again and again, and of a wide run they are few. */
async function explainShown(
  shown: readonly TaskInstance[],
  { run, clients, signal }: Pick<PageView, "clients" | "signal"> & { run: DagRun },
): Promise<readonly WaitReason[]> {
  if (shown.length === 0) return [];
  const request = { dagRunId: run.dagRunId, taskInstanceIds: shown.map(({ id }) => id) };
  const { explanation } = await clients.runs.explainDagRun(request, { signal });
  return explanation?.reasons ?? [];
}

/** `/runs/{dag_run_id}`: leads to the run, of whichever DAG it is. */
export async function findRun({ clients, ids, signal }: PageView): Promise<HttpResponse> {
  const [dagRunId = ""] = ids;
  const { dagRun: run } = await clients.runs.getDagRun({ dagRunId }, { signal });
  if (run === undefined) throw new TypeError("the answer has no run");
  return { status: 303, headers: { location: runPath(run.dagId, run.dagRunId) }, body: null };
}

function runFacts(run: DagRun): Html {
  const counts = Object.entries(run.taskCounts).map(([state, count]) => {
    return `${count} ${state === "none" ? "waiting" : state.replaceAll("_", " ")}`;
  });
  const warnings = run.warnings.map((warning) => html`<div class="notice">${warning}</div>`);
  return html`<p>${runMark(run.state)} ${pausedMark(run.isPaused)}
${run.endDate === undefined && html`<span class="soft">not ended</span>`}</p>${warnings}
${facts([
  ["tasks", counts.join(", ")],
  ["date", timeText(run.executionDate)],
  ["queued", timeText(run.queuedAt)],
  ["began", timeText(run.startDate)],
  ["ended", timeText(run.endDate)],
  ["took", durationText(run.durationMs)],
  ["by", run.triggeredBy],
  ["version", run.version],
  ["note", run.note],
  ["trace", run.traceId],
])}`;
}

function instanceTable(instances: readonly TaskInstance[], reasons: readonly WaitReason[]): Html {
  const byId = Map.groupBy(reasons, ({ id }) => id);
  const rows = instances.map((instance) => instanceRow(instance, byId.get(instance.id) ?? []));
  return table(["state", "task", "try", "began", "took", "worker", "why", ""], rows);
}

function instanceRow(instance: TaskInstance, reasons: readonly WaitReason[]): readonly HtmlValue[] {
  const item = instance.mapIndex === undefined ? "" : ` [${instance.mapIndex}]`;
  const tries = instance.tryNumber === 0 ? "–" : `${instance.tryNumber} of ${instance.maxTries}`;
  const isTold = instance.nextRetryTime === undefined || reasons.length > 0;
  const retry = isTold ? null : html` next ${timeText(instance.nextRetryTime)}`;
  return [
    html`${taskMark(instance.state)}${instance.stateReason !== "" && html` <span class="soft words">${instance.stateReason}</span>`}`,
    html`<a href="${logPath(instance.id)}"><b>${instance.taskId}${item}</b></a> <span class="soft">${instance.operator}</span>`,
    html`${tries}${retry}`,
    timeText(instance.startDate),
    durationText(instance.durationMs),
    instance.workerId,
    [waitText(reasons), errorText(instance)],
    instance.tryNumber > 0 && html`<a class="nowrap" href="${logPath(instance.id)}">log</a>`,
  ];
}

function errorText({ error, lastError }: TaskInstance): Html | null {
  const text = error === undefined ? lastError : `${error.code}: ${error.message}`;
  return text === "" ? null : html`<span class="mono wrap">${text}</span>`;
}
