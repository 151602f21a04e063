import type { Artifact, ListArtifactsResponse } from "#gen/millrace/v1/artifact_service_pb.js";
import type { TaskInstance } from "#gen/millrace/v1/task_service_pb.js";
import { sizeText } from "#core/resource-text.ts";
import { table } from "./elements.ts";
import { type Html, html } from "./html.ts";
import type { PageClients } from "./page-context.ts";
import { artifactPath, logPath } from "./paths.ts";

/** Characters of an output as JSON; the whole is a click away. */
export const outputShown = 200;
/** The API tells the first ones by key. */
const outputsShown = 100;
/** Tasks before this one whose outputs are shown. */
const parentsShown = 10;
const artifactsShown = 100;

/** What a task was given by those before it, and what it has left. */
export interface LeftBehind {
  readonly parents: readonly TaskInstance[];
  readonly artifacts: ListArtifactsResponse;
}

export async function readLeftBehind(
  clients: PageClients,
  { dagId, dagRunId, taskId, mapIndex }: TaskInstance,
  signal: AbortSignal,
): Promise<LeftBehind> {
  const [artifacts, { dag }, { dagRun }] = await Promise.all([
    clients.artifacts.listArtifacts(
      { dagRunId, taskId, limit: artifactsShown, ...(mapIndex === undefined ? {} : { mapIndex }) },
      { signal },
    ),
    clients.dags.getDag({ dagId }, { signal }),
    clients.runs.getDagRun({ dagId, dagRunId }, { signal }),
  ]);
  // Another version than that of the run may have other edges.
  const task = dag?.version === dagRun?.version ? dag?.tasks.find(({ id }) => id === taskId) : undefined;
  const ids = (task?.dependencies ?? []).slice(0, parentsShown).map((parent) => `${dagRunId}__${parent}`);
  const found = await Promise.all(
    ids.map((id) => clients.tasks.getTaskInstance({ id, xcomLength: outputShown }, { signal })),
  );
  return { artifacts, parents: found.flatMap(({ taskInstance }) => taskInstance ?? []) };
}

export function renderLeftBehind(instance: TaskInstance, { parents, artifacts }: LeftBehind): Html {
  return html`${parents.length > 0 && html`<h2>Outputs of the tasks before it</h2>${parents.map(renderParent)}`}
<h2>Outputs</h2>${renderOutputs(instance)}
<h2>Artifacts</h2>${renderArtifacts(instance, artifacts)}`;
}

function renderParent(parent: TaskInstance): Html {
  return html`<p><a href="${logPath(parent.id)}">${parent.taskId}</a></p>${outputTable(parent) ?? lost(parent) ?? html`<p class="soft">none</p>`}`;
}

function renderOutputs(instance: TaskInstance): Html {
  const empty = html`<p class="soft">${noneYet(instance)} A task writes <code>key=value</code> lines to the file <code>$MILLRACE_OUTPUT</code>.</p>`;
  return outputTable(instance) ?? lost(instance) ?? empty;
}

function lost({ xcomRemoved }: TaskInstance): Html | null {
  return xcomRemoved === "" ? null : html`<p class="soft">${xcomRemoved}</p>`;
}

function outputTable({ xcomBeginnings, dagRunId, taskId }: TaskInstance): Html | null {
  if (xcomBeginnings.length === 0) return null;
  const whole = `/api/v1/dagRuns/${encodeURIComponent(dagRunId)}/xcom/${encodeURIComponent(taskId)}`;
  const rows = xcomBeginnings.map(({ key, beginning, size }) => {
    const rest = Buffer.byteLength(beginning) < size && html`… <a href="${whole}">all of it</a>`;
    return [html`<b>${key}</b>`, sizeText(Number(size)), html`<code class="wrap">${beginning}</code>${rest}`];
  });
  const others = html`<p class="soft">At most ${outputsShown} are shown; <a href="${whole}">all of them</a>.</p>`;
  return html`${table(["key", "size", "value"], rows)}${rows.length === outputsShown && others}`;
}

function renderArtifacts(instance: TaskInstance, { artifacts, totalCount }: ListArtifactsResponse): Html {
  if (artifacts.length === 0) return noArtifacts(instance);
  const { dagRunId, taskId, mapIndex } = instance;
  const item = mapIndex === undefined ? "" : `&map_index=${mapIndex}`;
  const list = `/api/v1/dagRuns/${encodeURIComponent(dagRunId)}/artifacts?limit=100&task_id=${encodeURIComponent(taskId)}${item}`;
  const more = Number(totalCount) - artifacts.length;
  return html`${artifactTable(instance, artifacts)}${more > 0 && html`<p class="soft">… and ${more} more in the <a href="${list}">list</a>.</p>`}`;
}

function artifactTable({ mapIndex: own }: TaskInstance, artifacts: readonly Artifact[]): Html {
  const hasItems = artifacts.some(({ mapIndex }) => mapIndex !== own);
  return table(
    ["file", "size", "type", ...(hasItems ? ["item"] : []), "attempt"],
    artifacts.map((artifact) => [
      html`<a class="wrap" href="${artifactPath(artifact)}" download>${artifact.name}</a>`,
      sizeText(Number(artifact.size)),
      artifact.mediaType,
      ...(hasItems ? [artifact.mapIndex ?? null] : []),
      artifact.attemptNumber,
    ]),
  );
}

function noArtifacts(instance: TaskInstance): Html {
  if (instance.artifactsRemoved !== "") return html`<p class="soft">${instance.artifactsRemoved}</p>`;
  return html`<p class="soft">${noneYet(instance)} A task leaves files by writing them to <code>$MILLRACE_ARTIFACTS</code>.</p>`;
}

function noneYet({ endDate }: TaskInstance): string {
  return endDate === undefined ? "None yet." : "None.";
}
