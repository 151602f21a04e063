import type { JsonValue } from "@bufbuild/protobuf";
import type { Artifact, ListArtifactsResponse } from "#gen/millrace/v1/artifact_service_pb.js";
import type { TaskInstance } from "#gen/millrace/v1/task_service_pb.js";
import { sizeText } from "#core/resource-text.ts";
import { table } from "./elements.ts";
import { type Html, html } from "./html.ts";
import type { PageClients } from "./page-context.ts";
import { artifactPath, logPath } from "./paths.ts";

/** Characters of a value as JSON; the whole value is a click away. */
const valueShown = 200;
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
  { dagId, dagRunId, taskId }: TaskInstance,
  signal: AbortSignal,
): Promise<LeftBehind> {
  const [artifacts, { dag }, { dagRun }] = await Promise.all([
    clients.artifacts.listArtifacts({ dagRunId, taskId, limit: artifactsShown }, { signal }),
    clients.dags.getDag({ dagId }, { signal }),
    clients.runs.getDagRun({ dagId, dagRunId }, { signal }),
  ]);
  // Another version than that of the run may have other edges.
  const task = dag?.version === dagRun?.version ? dag?.tasks.find(({ id }) => id === taskId) : undefined;
  const ids = (task?.dependencies ?? []).slice(0, parentsShown).map((parent) => `${dagRunId}__${parent}`);
  const found = await Promise.all(ids.map((id) => clients.tasks.getTaskInstance({ id }, { signal })));
  return { artifacts, parents: found.flatMap(({ taskInstance }) => taskInstance ?? []) };
}

export function renderLeftBehind(instance: TaskInstance, { parents, artifacts }: LeftBehind): Html {
  const own = artifacts.artifacts.filter(({ mapIndex }) => mapIndex === instance.mapIndex);
  return html`${parents.length > 0 && html`<h2>Outputs of the tasks before it</h2>${parents.map(renderParent)}`}
<h2>Outputs</h2>${renderOutputs(instance)}
<h2>Artifacts</h2>${own.length > 0 && artifactTable(own)}${own.length === 0 && noArtifacts(instance, artifacts.removed)}`;
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

function outputTable({ xcomValues = {}, dagRunId, taskId }: TaskInstance): Html | null {
  const entries = Object.entries(xcomValues);
  if (entries.length === 0) return null;
  const whole = `/api/v1/dagRuns/${encodeURIComponent(dagRunId)}/xcom/${encodeURIComponent(taskId)}`;
  return table(
    ["key", "size", "value"],
    entries.map(([key, value]) => {
      const text = JSON.stringify(value satisfies JsonValue);
      const rest = text.length > valueShown && html`… <a href="${whole}">all of it</a>`;
      return [
        html`<b>${key}</b>`,
        sizeText(Buffer.byteLength(text)),
        html`<code class="wrap">${text.slice(0, valueShown)}</code>${rest}`,
      ];
    }),
  );
}

function artifactTable(artifacts: readonly Artifact[]): Html {
  return table(
    ["file", "size", "type", "attempt"],
    artifacts.map((artifact) => [
      html`<a class="wrap" href="${artifactPath(artifact)}" download>${artifact.name}</a>`,
      sizeText(Number(artifact.size)),
      artifact.mediaType,
      artifact.attemptNumber,
    ]),
  );
}

function noArtifacts(instance: TaskInstance, removed: string): Html {
  if (removed !== "") return html`<p class="soft">${removed}</p>`;
  return html`<p class="soft">${noneYet(instance)} A task leaves files by writing them to <code>$MILLRACE_ARTIFACTS</code>.</p>`;
}

function noneYet({ endDate }: TaskInstance): string {
  return endDate === undefined ? "None yet." : "None.";
}
