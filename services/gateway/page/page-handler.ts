import { createClient, type Transport } from "@connectrpc/connect";
import { AppError } from "#errors/app-error.ts";
import { ArtifactService } from "#gen/millrace/v1/artifact_service_pb.js";
import { DagService } from "#gen/millrace/v1/dag_service_pb.js";
import { RunService } from "#gen/millrace/v1/run_service_pb.js";
import { TaskService } from "#gen/millrace/v1/task_service_pb.js";
import type { HttpHandler, HttpRequest, HttpResponse } from "#rpc/http/exchange.ts";
import type { Logger } from "#telemetry/logger.ts";
import { showDag } from "./dag-detail.ts";
import { showDagList } from "./dag-list.ts";
import { showError } from "./error-view.ts";
import { showLog } from "./log-view.ts";
import type { PageClients, PageView } from "./page-context.ts";
import { dagPath, runPath } from "./paths.ts";
import { findRun, showRun } from "./run-detail.ts";
import { readParameters } from "./trigger-form.ts";

const views: readonly { readonly path: RegExp; readonly show: (view: PageView) => Promise<HttpResponse> }[] = [
  { path: /^\/$/, show: showDagList },
  { path: /^\/dags\/([^/]+)$/, show: showDag },
  { path: /^\/dags\/([^/]+)\/runs\/([^/]+)$/, show: showRun },
  { path: /^\/runs\/([^/]+)$/, show: findRun },
  { path: /^\/tasks\/([^/]+)\/logs$/, show: showLog },
];

type Action = (clients: PageClients, ids: readonly string[], form: URLSearchParams) => Promise<string>;

/** What forms post to; each answers the address to go to. */
const actions: readonly { readonly path: RegExp; readonly act: Action }[] = [
  { path: /^\/dags\/([^/]+)\/trigger$/, act: trigger },
  { path: /^\/dags\/([^/]+)\/pause$/, act: pause },
  { path: /^\/dags\/([^/]+)\/runs\/([^/]+)\/cancel$/, act: cancel },
];

/** The server-rendered page. Errors are pages too. The caller has refused requests from other sites. */
export function createPageHandler(options: { transport: Transport; logger: Logger }): HttpHandler {
  const clients: PageClients = {
    dags: createClient(DagService, options.transport),
    runs: createClient(RunService, options.transport),
    tasks: createClient(TaskService, options.transport),
    artifacts: createClient(ArtifactService, options.transport),
  };
  return async (request) => {
    try {
      return await answer(clients, request);
    } catch (thrown) {
      const error = AppError.from(thrown);
      if (error.kind === "internal")
        options.logger.error({ err: error.cause, path: request.path }, "page failed inside");
      return showError(error, request.id);
    }
  };
}

async function answer(clients: PageClients, request: HttpRequest): Promise<HttpResponse> {
  const { method, path, query, signal } = request;
  const isReading = method === "GET" || method === "HEAD";
  for (const view of isReading ? views : []) {
    const ids = matchIds(view.path, path);
    if (ids !== null) return view.show({ clients, ids, query, signal });
  }
  for (const action of method === "POST" ? actions : []) {
    const ids = matchIds(action.path, path);
    if (ids === null) continue;
    const form = new URLSearchParams(Buffer.from(await request.readBody()).toString("utf8"));
    return { status: 303, headers: { location: await action.act(clients, ids, form) }, body: null };
  }
  throw new AppError("ROUTE_NOT_FOUND", `no page ${path}`, { details: { path } });
}

/** The ids in a path, percent-decoded once; null when the path is another. */
function matchIds(pattern: RegExp, path: string): readonly string[] | null {
  const match = pattern.exec(path);
  if (match === null) return null;
  try {
    return match.slice(1).map(decodeURIComponent);
  } catch (cause) {
    throw new AppError("INVALID_ARGUMENT", `${path} is not percent-encoded right`, { cause });
  }
}

async function trigger(clients: PageClients, ids: readonly string[], form: URLSearchParams): Promise<string> {
  const [dagId = ""] = ids;
  const { dag } = await clients.dags.getDag({ dagId });
  const parameters = readParameters(form, dag?.parameters ?? {});
  const { dagRun } = await clients.runs.triggerDagRun({ dagId, parameters, note: form.get("note") ?? "" });
  return dagRun === undefined ? dagPath(dagId) : runPath(dagId, dagRun.dagRunId);
}

async function pause(clients: PageClients, ids: readonly string[], form: URLSearchParams): Promise<string> {
  const [dagId = ""] = ids;
  const wanted = form.get("is_paused");
  if (wanted !== "true" && wanted !== "false")
    throw new AppError("INVALID_ARGUMENT", "is_paused must be true or false");
  await clients.dags.updateDag({ dagId, isPaused: wanted === "true" });
  return dagPath(dagId);
}

async function cancel(clients: PageClients, ids: readonly string[]): Promise<string> {
  const [dagId = "", dagRunId = ""] = ids;
  await clients.runs.cancelDagRun({ dagRunId, reason: "cancelled from the page" });
  return runPath(dagId, dagRunId);
}
