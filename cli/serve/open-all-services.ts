import type { Settings } from "#config/settings-schema.ts";
import type { ComponentStatus, Service } from "#rpc/service.ts";
import { createInProcessTransport } from "#rpc/transport.ts";
import type { Executor } from "#services/executor/executor.ts";
import { wireExecutor } from "#services/executor/main.ts";
import { wireGateway } from "#services/gateway/main.ts";
import { wireParser } from "#services/parser/main.ts";
import { wireScheduler } from "#services/scheduler/main.ts";
import { wireWorker } from "#services/worker/main.ts";
import { startEmbeddedPostgres } from "#store/postgres/embedded.ts";
import { createLogger, type Logger } from "#telemetry/logger.ts";
import { loadOperators } from "../load-operators.ts";
import { openArtifacts } from "./open-artifacts.ts";
import type { OpenServiceOptions } from "./open-service.ts";
import { openStore } from "./open-store.ts";
import type { OpenedService } from "./opened-service.ts";
import { stopInOrder } from "./stop-in-order.ts";

/** One machine's tasks end soon when it stops: what takes longer is interrupted, and retried without cost at the next start. */
const longestDrainMs = 10_000;

/**
 * All five services in this process, over the same handlers as in five: function calls stand for the network, and the
 * gateway alone gets a port. The database is the one of the settings, else an embedded one in the data directory.
 */
export async function openAllServices(options: OpenServiceOptions): Promise<OpenedService> {
  const { settings, version, logger } = options;
  const operators = await loadOperators(settings);
  const embedded =
    settings.database.url === null ? await startEmbeddedPostgres({ dataDir: settings.dataDir, logger }) : null;
  const connectionString = embedded?.connectionString ?? settings.database.url ?? "";
  try {
    const store = await openStore(connectionString, options);
    const part = (component: string): Logger => createLogger({ ...settings.logging, component });
    const bus = settings.kafka.brokers.length === 0 ? null : (await import("./open-bus.ts")).openBus(settings, logger);
    const parser = wireParser(settings, { store, operators: operators.schemas, logger: part("parser") });
    const scheduler = wireScheduler(settings, { store, logger: part("scheduler") });
    const inProcess = (service: Service) => createInProcessTransport(service.routes, { logger: part(service.name) });
    const artifacts = openArtifacts(settings, logger);
    const executor = wireExecutor(settings, {
      store,
      artifacts,
      operators: operators.schemas,
      bus,
      scheduler: inProcess(scheduler),
      logger: part("executor"),
      version,
      backend: "local",
    });
    const worker = wireWorker(withShortDrain(settings), {
      executors: [inProcess(executor)],
      operators,
      bus,
      version,
      logger: part("worker"),
    });
    const gateway = wireGateway(settings, {
      store,
      artifacts,
      parser: inProcess(parser),
      scheduler: inProcess(scheduler),
      executor: inProcess(executor),
      version,
      logger: part("gateway"),
    });
    const close = () =>
      stopInOrder([async () => bus?.close(), () => store.close(), async () => embedded?.stop()], logger);
    const service = joinServices([parser, scheduler, executor, worker, gateway], { door: gateway, executor, logger });
    return { service, handleHttp: gateway.handleHttp, close };
  } catch (thrown) {
    await embedded?.stop();
    throw thrown;
  }
}

/**
 * Several services as one: started in order, stopped in the opposite one. On the port are the door's handlers and the
 * executor's sessions, for workers that are programs of their own.
 */
function joinServices(
  services: readonly Service[],
  { door, executor, logger }: { door: Service; executor: Executor; logger: Logger },
): Service {
  return {
    name: door.name,
    routes: (router) => {
      door.routes(router);
      executor.sessionRoutes(router);
    },
    ...(executor.maxMessageBytes === undefined ? {} : { maxMessageBytes: executor.maxMessageBytes }),
    async start() {
      for (const service of services) await service.start();
    },
    stop: () =>
      stopInOrder(
        services.toReversed().map((service) => () => service.stop()),
        logger,
      ),
    health: () => Object.assign({}, ...services.map((service) => service.health())) as Record<string, ComponentStatus>,
  };
}

function withShortDrain(settings: Settings): Settings {
  const drainTimeoutMs = Math.min(settings.worker.drainTimeoutMs, longestDrainMs);
  return { ...settings, worker: { ...settings.worker, drainTimeoutMs } };
}
