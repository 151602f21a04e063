import type { Dag } from "#gen/millrace/v1/dag_service_pb.js";
import type { DagRun } from "#gen/millrace/v1/run_service_pb.js";
import type { HttpResponse } from "#rpc/http/exchange.ts";
import { pauseButton } from "./dag-list.ts";
import { durationText, facts, nextLink, table, timeText } from "./elements.ts";
import { type Html, type HtmlValue, html } from "./html.ts";
import { renderPage } from "./layout.ts";
import type { PageView } from "./page-context.ts";
import { dagPath, runPath } from "./paths.ts";
import { pausedMark, runMark } from "./state-mark.ts";
import { triggerForm } from "./trigger-form.ts";

const runsShown = 20;

/** `/dags/{dag_id}`: its runs, tasks and parameters. */
export async function showDag({ clients, ids, query, signal }: PageView): Promise<HttpResponse> {
  const [dagId = ""] = ids;
  const [{ dag }, list] = await Promise.all([
    clients.dags.getDag({ dagId }, { signal }),
    clients.runs.listDagRuns({ dagId, limit: runsShown, cursor: query.get("cursor") ?? "" }, { signal }),
  ]);
  if (dag === undefined) throw new TypeError("the answer has no DAG");
  const main = html`<h1>${dag.dagId}</h1><p>${dag.description}</p>
<div id="facts" data-live>${dagFacts(dag)}</div>${pauseButton(dag)}
<h2>Runs</h2><div id="runs" data-live>${runTable(list.dagRuns)}</div>${nextLink(list.nextCursor)}
<h2>Trigger</h2>${triggerForm(dag.dagId, dag.parameters ?? {})}
<h2>Tasks</h2>${taskTable(dag)}
${Object.keys(dag.parameters ?? {}).length > 0 && html`<h2>Parameters</h2><pre>${JSON.stringify(dag.parameters, null, 2)}</pre>`}`;
  const events = `?dag_id=${encodeURIComponent(dagId)}`;
  return renderPage({ title: dagId, trail: [{ text: dagId, href: dagPath(dagId) }], main, events });
}

function dagFacts(dag: Dag): Html {
  const errors = dag.registration?.errors.filter((problem) => !problem.warning) ?? [];
  const notice =
    errors.length > 0 &&
    html`<div class="notice red"><b>The newest file has errors; version ${dag.version} stays in force.</b>
${errors.map((problem) => html`<p class="mono">${problem.line}:${problem.column} ${problem.code} ${problem.message}</p>`)}</div>`;
  return html`${notice}${pausedMark(dag.isPaused)}${!dag.isActive && html` <span class="state gray"><i>▣</i>archived</span>`}
${facts([
  ["schedule", dag.scheduleInterval === "" ? "by hand" : `${dag.scheduleInterval} (${dag.timezone})`],
  ["next run", timeText(dag.nextRun)],
  ["owner", dag.owner],
  ["tags", dag.tags.length === 0 ? null : dag.tags.map((tag) => html`<span class="tag">${tag}</span>`)],
  ["version", dag.version],
  ["file", dag.filePath],
])}`;
}

function runTable(runs: readonly DagRun[]): Html {
  if (runs.length === 0) return html`<p class="soft">No runs yet: trigger one below.</p>`;
  return table(["state", "run", "date", "began", "took", "by"], runs.map(runRow));
}

function runRow(run: DagRun): readonly HtmlValue[] {
  return [
    html`${runMark(run.state)} ${pausedMark(run.isPaused)}`,
    html`<a class="mono" href="${runPath(run.dagId, run.dagRunId)}">${run.dagRunId}</a>`,
    timeText(run.executionDate),
    timeText(run.startDate),
    durationText(run.durationMs),
    run.triggeredBy,
  ];
}

function taskTable(dag: Dag): Html {
  const rows = dag.tasks.map((task) => [
    html`<b>${task.id}</b><p class="soft">${task.description}</p>`,
    task.type,
    task.dependencies.join(", "),
    calledWhen(task.id) ?? task.triggerRule,
  ]);
  return table(["task", "operator", "after", "runs when"], rows);
}

/** Of a hook, by its id: the end that calls it. Null: a task, whose trigger rule tells. */
function calledWhen(id: string): string | null {
  const [, owner, end] = /^(.*)\.on_(success|failure)$/.exec(id) ?? [];
  if (owner === undefined) return null;
  return `${owner === "" ? "the run" : owner} has ${end === "success" ? "succeeded" : "failed"}`;
}
