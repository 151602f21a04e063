import type { ConnectRouter, Transport } from "@connectrpc/connect";
import { DagService } from "#gen/millrace/v1/dag_service_pb.js";
import { EventService } from "#gen/millrace/v1/event_service_pb.js";
import { RunService } from "#gen/millrace/v1/run_service_pb.js";
import { SystemService } from "#gen/millrace/v1/system_service_pb.js";
import { TaskService } from "#gen/millrace/v1/task_service_pb.js";
import type { Store } from "#ports/store.ts";
import type { HttpHandler } from "#rpc/http/exchange.ts";
import type { Service } from "#rpc/service.ts";
import { createInProcessTransport } from "#rpc/transport.ts";
import type { Logger } from "#telemetry/logger.ts";
import { createDagService } from "./dag-service.ts";
import { createEventService } from "./event-service.ts";
import { createEventTail } from "./event-tail.ts";
import { createHttpHandler } from "./http-handler.ts";
import { createRunService } from "./run-service.ts";
import { createSystemService } from "./system-service.ts";
import { createTaskService } from "./task-service.ts";
import { waitForEnd } from "./wait-for-end.ts";

export interface GatewayDeps {
  readonly store: Store;
  readonly parser: Transport;
  readonly scheduler: Transport;
  readonly executor: Transport;
  readonly version: string;
  readonly logger: Logger;
}

/** The only door for people and programs: it reads from the store and sends every change to the service that owns it. */
export function createGateway(deps: GatewayDeps): Service & { readonly handleHttp: HttpHandler } {
  const { store, logger } = deps;
  const { queries } = store;
  const stopping = new AbortController();
  const stopSignal = stopping.signal;
  const tail = createEventTail({ events: store.events, wake: store.wake, logger });
  const services = {
    dags: createDagService({ queries, parser: deps.parser, now: () => store.now() }),
    runs: createRunService({
      queries,
      scheduler: deps.scheduler,
      executor: deps.executor,
      waitForEnd: (runId, signal) =>
        waitForEnd({ queries, wake: store.wake }, runId, AbortSignal.any([signal, stopSignal])),
    }),
    tasks: createTaskService({
      queries,
      logs: store.logs,
      wake: store.wake,
      executor: deps.executor,
      stopSignal,
    }),
    events: createEventService({ queries, events: store.events, tail, stopSignal }),
    system: createSystemService({ queries, version: deps.version }),
  };
  const routes = (router: ConnectRouter): void => {
    router.service(DagService, services.dags);
    router.service(RunService, services.runs);
    router.service(TaskService, services.tasks);
    router.service(EventService, services.events);
    router.service(SystemService, services.system);
  };
  const transport = createInProcessTransport(routes, { logger });
  return {
    name: "gateway",
    routes,
    handleHttp: createHttpHandler({ transport, queries, logger }),
    start: () => Promise.resolve(),
    async stop() {
      stopping.abort();
      await tail.stop();
    },
    health: () => ({ gateway: { status: "healthy", detail: "" } }),
  };
}
