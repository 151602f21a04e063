import type { Dag, ImportError } from "#gen/millrace/v1/dag_service_pb.js";
import { RunState } from "#gen/millrace/v1/run_service_pb.js";
import type { HttpResponse } from "#rpc/http/exchange.ts";
import { durationText, nextLink, postButton, table, timeText } from "./elements.ts";
import { type Html, type HtmlValue, html } from "./html.ts";
import { renderPage } from "./layout.ts";
import type { PageView } from "./page-context.ts";
import { dagPath, runPath } from "./paths.ts";
import { pausedMark, runMark } from "./state-mark.ts";
import { needsInput } from "./trigger-form.ts";

const pageSize = 100;

/** `/`: the definitions, what is broken first. */
export async function showDagList({ clients, query, signal }: PageView): Promise<HttpResponse> {
  const [list, broken] = await Promise.all([
    clients.dags.listDags({ limit: pageSize, cursor: query.get("cursor") ?? "" }, { signal }),
    clients.dags.listImportErrors({ limit: pageSize }, { signal }),
  ]);
  const main = html`<h1>DAGs</h1>
<div id="broken" data-live>${broken.importErrors.map(brokenFile)}</div>
<div id="dags" data-live>${list.dags.length === 0 ? emptyState : dagTable(list.dags)}</div>${nextLink(list.nextCursor)}`;
  return renderPage({ title: "DAGs", trail: [], main, events: "?" });
}

function dagTable(dags: readonly Dag[]): Html {
  const columns = ["last run", "DAG", "schedule", "next run", "took", ""];
  return table(columns, dags.map(dagRow));
}

function dagRow(dag: Dag): readonly HtmlValue[] {
  const { lastRun } = dag;
  const state = runMark(lastRun?.state ?? RunState.UNSPECIFIED);
  return [
    lastRun === undefined ? state : html`<a href="${runPath(dag.dagId, lastRun.dagRunId)}">${state}</a>`,
    html`<a href="${dagPath(dag.dagId)}"><b>${dag.dagId}</b></a> ${pausedMark(dag.isPaused)} ${fileMark(dag)}
<p class="soft">${dag.description}</p>`,
    dag.scheduleInterval === "" ? html`<span class="soft">by hand</span>` : dag.scheduleInterval,
    timeText(dag.nextRun),
    durationText(lastRun?.durationMs),
    html`${triggerButton(dag)}${pauseButton(dag)}`,
  ];
}

/** Starts a run with the defaults, or leads to the form where a parameter has none. */
function triggerButton(dag: Dag): Html {
  const path = dagPath(dag.dagId);
  return needsInput(dag.parameters ?? {})
    ? html`<a class="button" href="${path}#trigger">Trigger …</a>`
    : postButton(`${path}/trigger`, "Trigger");
}

/** Pauses or resumes: what the button says. */
export function pauseButton(dag: Dag): Html {
  const fields = { is_paused: String(!dag.isPaused) };
  return postButton(`${dagPath(dag.dagId)}/pause`, dag.isPaused ? "Resume" : "Pause", fields);
}

function fileMark(dag: Dag): Html | null {
  const count = dag.registration?.errors.filter((problem) => !problem.warning).length ?? 0;
  return count === 0 ? null : html`<span class="state red"><i aria-hidden="true">▤</i>file has errors</span>`;
}

function brokenFile(file: ImportError): Html {
  const problems = (file.registration?.errors ?? []).map(
    (problem) => html`<p class="mono wrap">${problem.line}:${problem.column} ${problem.code} ${problem.message}
${problem.hint === "" ? null : html`<span class="soft">${problem.hint}</span>`}</p>`,
  );
  return html`<div class="notice red"><b>${file.filePath}</b> can't be registered${problems}</div>`;
}

const emptyState = html`<div class="notice"><b>No DAGs yet.</b>
<p>Put a YAML file into the DAG folder; it is here a second after it is saved. For example:</p>
<pre>id: hello
tasks:
  - id: greet
    type: bash
    operator: {bash_command: "echo hello"}</pre></div>`;
