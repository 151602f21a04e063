import type { ConnectRouter, Transport } from "@connectrpc/connect";
import { ApprovalService } from "#gen/millrace/v1/approval_service_pb.js";
import { ArtifactService } from "#gen/millrace/v1/artifact_service_pb.js";
import { BackfillService } from "#gen/millrace/v1/backfill_service_pb.js";
import { DagService } from "#gen/millrace/v1/dag_service_pb.js";
import { DagVersionService } from "#gen/millrace/v1/dag_version_service_pb.js";
import { DeadLetterService } from "#gen/millrace/v1/dead_letter_service_pb.js";
import { DoctorService } from "#gen/millrace/v1/doctor_service_pb.js";
import { EventService } from "#gen/millrace/v1/event_service_pb.js";
import { PoolService } from "#gen/millrace/v1/pool_service_pb.js";
import { RunService } from "#gen/millrace/v1/run_service_pb.js";
import { SensorService } from "#gen/millrace/v1/sensor_service_pb.js";
import { SystemService } from "#gen/millrace/v1/system_service_pb.js";
import { TaskService } from "#gen/millrace/v1/task_service_pb.js";
import { TemplateService } from "#gen/millrace/v1/template_service_pb.js";
import { WorkerAdminService } from "#gen/millrace/v1/worker_admin_service_pb.js";
import type { ArtifactStore } from "#ports/artifact-store.ts";
import type { Store } from "#ports/store.ts";
import type { HttpHandler } from "#rpc/http/exchange.ts";
import type { Service } from "#rpc/service.ts";
import { createInProcessTransport } from "#rpc/transport.ts";
import type { SecretSource } from "#secrets/secret-source.ts";
import type { Logger } from "#telemetry/logger.ts";
import { createApprovalService } from "./approvals/approval-service.ts";
import { createArtifactService } from "./artifacts/artifact-service.ts";
import { createBackfillService } from "./backfills/backfill-service.ts";
import { createDagService } from "./dags/dag-service.ts";
import { createDagVersionService } from "./dags/dag-version-service.ts";
import { createDeadLetterService } from "./system/dead-letter-service.ts";
import { createDoctorService } from "./system/doctor-service.ts";
import { createEventService } from "./events/event-service.ts";
import { createEventTail, type EventTail } from "./events/event-tail.ts";
import type { HookDeps } from "./hooks/hook-handler.ts";
import { createHookSecrets } from "./hooks/hook-secrets.ts";
import { createHttpHandler } from "./http-handler.ts";
import { createExplain } from "./explain/explain.ts";
import { createPoolService } from "./system/pool-service.ts";
import { createRunEnds, type RunEnds } from "./runs/run-ends.ts";
import { createRunService } from "./runs/run-service.ts";
import { createSensorService } from "./sensors/sensor-service.ts";
import { createSystemService } from "./system/system-service.ts";
import { createTaskService } from "./runs/task-service.ts";
import { createUsageReader } from "./runs/usage-reader.ts";
import { createTemplateService } from "./dags/template-service.ts";
import { createWorkerService } from "./system/worker-service.ts";

export interface GatewayDeps {
  readonly store: Store;
  /** Where the files of tasks are; null: they are not kept. */
  readonly artifacts: ArtifactStore | null;
  readonly parser: Transport;
  readonly scheduler: Transport;
  readonly executor: Transport;
  /** Each of the executors; absent: there is one. */
  readonly executors?: () => Promise<readonly Transport[]>;
  /** Of webhooks: their requests are checked here. */
  readonly secrets: SecretSource;
  readonly version: string;
  readonly logger: Logger;
}

/** The only door for people and programs: it reads from the store and sends every change to the service that owns it. */
export function createGateway(deps: GatewayDeps): Service & { readonly handleHttp: HttpHandler } {
  const { store, logger } = deps;
  const stopping = new AbortController();
  const stopSignal = stopping.signal;
  const tail = createEventTail({ events: store.events, wake: store.wake, logger });
  const ends = createRunEnds({ queries: store.queries, wake: store.wake, logger });
  const routes = registerAll(createServices(deps, { tail, ends, stopSignal }));
  const transport = createInProcessTransport(routes, { logger });
  return {
    name: "gateway",
    routes,
    handleHttp: createHttpHandler({ transport, queries: store.queries, hooks: hookDeps(deps), logger }),
    start: () => Promise.resolve(),
    async stop() {
      stopping.abort();
      await Promise.all([tail.stop(), ends.stop()]);
    },
    health: () => ({ gateway: { status: "healthy", detail: "" } }),
  };
}

/** What answers the public RPCs, by part of the API. */
function createServices(
  deps: GatewayDeps,
  { tail, ends, stopSignal }: { readonly tail: EventTail; readonly ends: RunEnds; readonly stopSignal: AbortSignal },
) {
  const { store } = deps;
  const { queries } = store;
  const explain = createExplain(store);
  const usage = createUsageReader(deps.executors ?? (async () => [deps.executor]), () => store.now());
  return {
    dags: createDagService({ queries, parser: deps.parser, now: () => store.now() }),
    dagVersions: createDagVersionService({ queries }),
    runs: createRunService({
      queries,
      explain,
      scheduler: deps.scheduler,
      executor: deps.executor,
      ends,
      stopSignal,
    }),
    tasks: createTaskService({
      queries,
      explain,
      logs: store.logs,
      retention: store.retention,
      usage,
      wake: store.wake,
      executor: deps.executor,
      stopSignal,
    }),
    artifacts: createArtifactService({
      queries,
      index: store.artifacts,
      retention: store.retention,
      store: deps.artifacts,
    }),
    templates: createTemplateService({ templates: store.templates, parser: deps.parser }),
    backfills: createBackfillService({ backfills: store.backfills, queries, scheduler: deps.scheduler }),
    sensors: createSensorService({ sensors: store.sensors, queries, scheduler: deps.scheduler }),
    events: createEventService({ queries, events: store.events, tail, stopSignal }),
    deadLetters: createDeadLetterService({ letters: store.deadLetters, executor: deps.executor }),
    approvals: createApprovalService({ waits: store.waits, queries, executor: deps.executor }),
    workers: createWorkerService({ queries, usage, executor: deps.executor, now: () => store.now() }),
    pools: createPoolService({ limits: store.limits, scheduler: deps.scheduler }),
    system: createSystemService({ store, version: deps.version }),
    doctor: createDoctorService({
      consistency: store.consistency,
      executor: deps.executor,
      version: deps.version,
      now: Date.now,
    }),
  };
}

function registerAll(services: ReturnType<typeof createServices>): (router: ConnectRouter) => void {
  return (router) => {
    router.service(DagService, services.dags);
    router.service(DagVersionService, services.dagVersions);
    router.service(RunService, services.runs);
    router.service(TaskService, services.tasks);
    router.service(ArtifactService, services.artifacts);
    router.service(TemplateService, services.templates);
    router.service(BackfillService, services.backfills);
    router.service(SensorService, services.sensors);
    router.service(EventService, services.events);
    router.service(DeadLetterService, services.deadLetters);
    router.service(ApprovalService, services.approvals);
    router.service(WorkerAdminService, services.workers);
    router.service(PoolService, services.pools);
    router.service(SystemService, services.system);
    router.service(DoctorService, services.doctor);
  };
}

function hookDeps({ store, scheduler, secrets, logger }: GatewayDeps): HookDeps {
  const { definitions } = store;
  return { definitions, scheduler, secrets: createHookSecrets(secrets), now: () => store.now(), logger };
}
