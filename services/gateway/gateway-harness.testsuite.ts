import type { ConnectRouter, Transport } from "@connectrpc/connect";
import { onTestFinished } from "vitest";
import type { Plan, RetryPolicy } from "#core/plan.ts";
import { emptyDefinition } from "#definition/empty-definition.testsuite.ts";
import type { Definition, TaskDefinition } from "#definition/model.ts";
import { AppError } from "#errors/app-error.ts";
import { ExecutorService } from "#gen/millrace/v1/executor_service_pb.js";
import { ParserService } from "#gen/millrace/v1/parser_service_pb.js";
import { type CreateRunRequest, SchedulerService } from "#gen/millrace/v1/scheduler_service_pb.js";
import type { ArtifactStore } from "#ports/artifact-store.ts";
import type { Store } from "#ports/store.ts";
import type { HttpRequest, HttpResponse } from "#rpc/http/exchange.ts";
import { type RunningServer, startServer } from "#rpc/server.ts";
import { createInProcessTransport } from "#rpc/transport.ts";
import { createSecretSource } from "#secrets/secret-source.ts";
import { createMemoryStore } from "#store/memory/memory-store.ts";
import { createLogger } from "#telemetry/logger.ts";
import { buildPlan, buildRetryPolicy } from "#testing/plan-builder.ts";
import { newVersion } from "#testing/dag-builder.ts";
import { change, newRun } from "#testing/store-driver.ts";
import { createGateway } from "./gateway.ts";

/** What the gateways of tests find in their environment. */
const testSecrets = { MILLRACE_SECRET_HOOK_KEY: "a long secret of webhooks" } as const;

export const logger = createLogger({ level: "silent", format: "json", component: "test" });

/** A gateway over the memory store; its peers write to the same store, without the rules of theirs that are tested there. */
export interface GatewayHarness {
  readonly store: Store;
  readonly gateway: ReturnType<typeof createGateway>;
  /** The secret `hook-key` of webhooks. */
  readonly hookSecret: string;
  /** What the peers were asked, by method. */
  readonly asked: { readonly method: string; readonly request: unknown }[];
  /** On a port of its own, closed at the end of the test. */
  readonly serve: () => Promise<RunningServer>;
}

export function openGateway(
  store: Store = memoryStore(),
  artifacts: ArtifactStore | null = null,
  scheduler: Transport | null = null,
): GatewayHarness {
  const asked: { method: string; request: unknown }[] = [];
  const peers = createInProcessTransport(peerRoutes(store, asked), { logger });
  const gateway = createGateway({
    store,
    artifacts,
    parser: peers,
    scheduler: scheduler ?? peers,
    executor: peers,
    secrets: createSecretSource({ environment: testSecrets, directory: null, command: null }),
    version: "1.2.3",
    logger,
  });
  onTestFinished(() => gateway.stop());
  const serve = async () => {
    const { routes, handleHttp } = gateway;
    const server = await startServer({ host: "127.0.0.1", port: 0, routes, handleHttp, logger, closeTimeoutMs: 500 });
    onTestFinished(() => server.close());
    return server;
  };
  return { store, gateway, hookSecret: testSecrets.MILLRACE_SECRET_HOOK_KEY, asked, serve };
}

export function memoryStore(): Store {
  const store = createMemoryStore({ toPlan });
  onTestFinished(() => store.close());
  return store;
}

/** The `toPlan` of stores that hold definitions of `registerDag`. */
export function toPlan(definition: unknown): Plan {
  const { tasks } = definition as Definition;
  return buildPlan(
    tasks.map(({ id, dependencies, retry }) => ({ id, parents: dependencies.map((one) => one.task), retry })),
  );
}

function peerRoutes(store: Store, asked: { method: string; request: unknown }[]) {
  const requests = new Map<string, { runId: string; body: string }>();
  return (router: ConnectRouter): void => {
    router.service(SchedulerService, {
      async createRun(request) {
        asked.push({ method: "createRun", request });
        const id = request.trigger?.requestId ?? "";
        const body = JSON.stringify(request.trigger?.parameters ?? {});
        const earlier = requests.get(id);
        if (earlier !== undefined && earlier.body !== body) {
          throw new AppError("IDEMPOTENCY_CONFLICT", `request ${id} had another body`);
        }
        if (earlier !== undefined) return { dagRunId: earlier.runId, repeatedRequest: true };
        const { runId } = await makeRun(store, request);
        if (id !== "") requests.set(id, { runId, body });
        return { dagRunId: runId };
      },
      async startBackfill(request) {
        asked.push({ method: "startBackfill", request });
        if (request.backfill?.dryRun === true) return { preview: { totalCount: 31n, createCount: 31, pageSize: 20 } };
        const active = await store.definitions.getActive(request.backfill?.dagId ?? "");
        const made = await store.backfills.create({
          backfillId: `${active?.dagId}__backfill__1`,
          dagKey: active?.dagKey ?? 0,
          versionKey: active?.versionKey ?? 0,
          fromAt: Date.UTC(2026, 0, 1),
          toAt: Date.UTC(2026, 0, 31),
          selection: "missing",
          newestFirst: false,
          maxActiveRuns: 4,
          priorityOffset: -10,
          parameters: {},
          note: "",
          createdBy: request.caller,
          slotCount: 31,
          request: { id: request.backfill?.requestId ?? "", bodyHash: "" },
        });
        const backfillId = made.kind === "request_conflict" ? "" : made.backfillId;
        return { backfillId, repeatedRequest: made.kind === "repeated" };
      },
      async changeSensor(request) {
        asked.push({ method: "changeSensor", request });
        const { dagId, sensorId, change: asking } = request;
        if (asking.case === "pause") await store.sensors.setPaused(dagId, sensorId, asking.value);
        if (asking.case === "poll") await store.sensors.requestPoll(dagId, sensorId);
        return {};
      },
      async changeBackfill(request) {
        asked.push({ method: "changeBackfill", request });
        const { backfillId, change: asking } = request;
        if (asking.case === "pause") await store.backfills.setPaused(backfillId, asking.value);
        if (asking.case === "cancel") await store.backfills.cancel(backfillId, asking.value);
        return {};
      },
    });
    router.service(ExecutorService, {
      async cancelRun(request) {
        asked.push({ method: "cancelRun", request });
        const runKey = (await store.runs.findRunKey(request.dagRunId)) ?? 0;
        await change(store, runKey, [{ kind: "cancel", reason: request.reason }]);
        return {};
      },
      async setRunPaused(request) {
        asked.push({ method: "setRunPaused", request });
        const runKey = (await store.runs.findRunKey(request.dagRunId)) ?? 0;
        await change(store, runKey, [{ kind: "pause", isPaused: request.isPaused }]);
        return {};
      },
      async repairRun(request) {
        asked.push({ method: "repairRun", request });
        return { repair: { dagRunId: request.dagRunId, version: 1, reRun: [{ taskId: "a" }] } };
      },
      async answerApproval(request) {
        asked.push({ method: "answerApproval", request });
        return {};
      },
      async checkConsistency(request) {
        asked.push({ method: "checkConsistency", request });
        const isFirst = request.cursor === "";
        const finding = { check: "run_state", severity: "problem", subject: isFirst ? "one" : "two", count: 1 };
        const nextCursor = isFirst ? "ended:7" : "";
        return { findings: [finding], findingCount: 1, checkedRuns: 2, nextCursor, version: "1.2.3" };
      },
      async replayDeadLetter(request) {
        asked.push({ method: "replayDeadLetter", request });
        await store.deadLetters.markReplayed(Number(request.id));
        return {};
      },
      async dropDeadLetter(request) {
        asked.push({ method: "dropDeadLetter", request });
        await store.deadLetters.drop(Number(request.id));
        return {};
      },
    });
    router.service(ParserService, {
      async setPaused(request) {
        asked.push({ method: "setPaused", request });
        await store.definitions.setPaused(request.dagId, request.isPaused);
        return {};
      },
    });
  };
}

async function makeRun(store: Store, { trigger, caller }: CreateRunRequest): Promise<{ runId: string }> {
  const active = await store.definitions.getActive(trigger?.dagId ?? "");
  if (active === null) throw new AppError("DAG_NOT_FOUND", `no DAG ${trigger?.dagId}`);
  const { dagKey, versionKey } = active;
  const parameters = trigger?.parameters ?? {};
  const run = newRun({ dagKey, versionKey }, { triggeredBy: caller, parameters, note: trigger?.note ?? "" });
  const made = await store.runs.createRun(run);
  if (made.kind !== "created") throw new Error(made.kind);
  return made;
}

/** Registers a DAG whose tasks are given as `id` or `id<parent`. */
export async function registerDag(
  store: Store,
  dagId: string,
  options: { tasks?: readonly string[]; changes?: Partial<Definition>; retry?: Partial<RetryPolicy> } = {},
): Promise<void> {
  const tasks = (options.tasks ?? ["only"]).map((text) => taskOf(text, options.retry ?? {}));
  const definition = emptyDefinition(dagId, { tasks, ...options.changes });
  const { description, owner, tags } = definition;
  await store.definitions.register(
    newVersion(dagId, { definition, hash: JSON.stringify(definition), description, owner, tags }),
  );
}

function taskOf(text: string, retry: Partial<RetryPolicy>): TaskDefinition {
  const [id = "", ...parents] = text.split("<");
  return {
    id,
    type: "noop",
    description: `task ${id}`,
    operator: {},
    dependencies: parents.map((task) => ({ task, on: "success" })),
    triggerRule: "all_success",
    when: null,
    parameters: {},
    environment: {},
    retry: buildRetryPolicy(retry),
    timeoutMs: 60_000,
    queueTimeoutMs: null,
    graceMs: 1_000,
    allowFailure: false,
    queue: "default",
    pool: null,
    priority: 0,
    executor: null,
    captureStdout: false,
    keepPartialOutputs: false,
  };
}

/** A request to the HTTP handler without a port. */
export function httpRequest(
  method: string,
  url: string,
  options: { body?: string; headers?: Readonly<Record<string, string>>; signal?: AbortSignal } = {},
): HttpRequest {
  const [path = "", query = ""] = url.split("?");
  return {
    id: "q1",
    method,
    path,
    query: new URLSearchParams(query),
    header: (name) => options.headers?.[name] ?? null,
    signal: options.signal ?? new AbortController().signal,
    readBody: async () => Buffer.from(options.body ?? ""),
  };
}

/** The whole body of an answer as text. */
export async function textOf(response: HttpResponse): Promise<string> {
  const { body } = response;
  if (body === null) return "";
  if (typeof body === "string") return body;
  if (body instanceof Uint8Array) return Buffer.from(body).toString();
  let text = "";
  for await (const chunk of body) text += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
  return text;
}
