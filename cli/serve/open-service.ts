import type { Settings } from "#config/settings-schema.ts";
import type { Bus } from "#ports/bus.ts";
import { createAddressTransport, createPeerTransport, type RemoteTransport } from "#rpc/transport.ts";
import { ampleCache, slimCache } from "#store/changes/cache-limits.ts";
import type { Logger } from "#telemetry/logger.ts";
import { loadOperators } from "../load-operators.ts";
import { openArtifacts } from "./open-artifacts.ts";
import type { OpenedService } from "./opened-service.ts";

export const serviceNames = ["parser", "scheduler", "executor", "worker", "gateway"] as const;
export type ServiceName = (typeof serviceNames)[number];

export interface OpenServiceOptions {
  readonly settings: Settings;
  readonly version: string;
  /** Accept a database that may lose what it acknowledged. */
  readonly isUnsafe: boolean;
  readonly logger: Logger;
  /** Ends the waiting for the database. */
  readonly signal: AbortSignal;
}

/** One service for a process of its own, with its database or its connections to others. */
export function openService(name: ServiceName, options: OpenServiceOptions): Promise<OpenedService> {
  return openers[name](options);
}

/** Loads the code that `openService` will need, without running any of it, nor that of plugins. */
export async function loadService(name: ServiceName, settings: Settings): Promise<void> {
  await Promise.all([
    services[name](),
    ...(name === "worker" ? [] : [import("./open-store.ts")]),
    ...(name === "executor" || name === "worker" ? [loadBusOf(settings)] : []),
    ...(name === "scheduler" || name === "gateway" ? [] : [import("#operators/plugins/load-catalog.ts")]),
  ]);
}

const services: Readonly<Record<ServiceName, () => Promise<unknown>>> = {
  parser: () => import("#services/parser/main.ts"),
  scheduler: () => import("#services/scheduler/main.ts"),
  executor: () => import("#services/executor/main.ts"),
  worker: () => import("#services/worker/main.ts"),
  gateway: () => import("#services/gateway/main.ts"),
};

const openers: Readonly<Record<ServiceName, (options: OpenServiceOptions) => Promise<OpenedService>>> = {
  parser: async (options) => {
    const { wireParser } = await import("#services/parser/main.ts");
    const { settings, logger } = options;
    const { schemas: operators } = await loadOperators(settings);
    const store = await openSharedStore(options);
    return { service: wireParser(settings, { store, operators, logger }), close: () => store.close() };
  },
  scheduler: async (options) => {
    const { wireScheduler } = await import("#services/scheduler/main.ts");
    const store = await openSharedStore(options);
    return { service: wireScheduler(options.settings, { store, logger: options.logger }), close: () => store.close() };
  },
  executor: async (options) => {
    const { wireExecutor } = await import("#services/executor/main.ts");
    const { settings, version, logger } = options;
    const { schemas: operators } = await loadOperators(settings);
    const bus = await openBusOf(settings, logger);
    const store = await openSharedStore(options, "all_runs");
    const scheduler = createPeerTransport({ addresses: settings.peers.scheduler, logger });
    const service = wireExecutor(settings, {
      store,
      artifacts: openArtifacts(settings, logger),
      operators,
      bus,
      scheduler,
      logger,
      version,
      backend: "stream",
    });
    const close = async (): Promise<void> => {
      await closeAll([scheduler]);
      await bus?.close();
      await store.close();
    };
    return { service, close };
  },
  worker: async ({ settings, version, logger }) => {
    const { wireWorker } = await import("#services/worker/main.ts");
    const operators = await loadOperators(settings);
    const executors = settings.peers.executors.map((address) => createAddressTransport(address));
    const bus = await openBusOf(settings, logger);
    const close = async (): Promise<void> => {
      await bus?.close();
      await closeAll(executors);
    };
    return { service: wireWorker(settings, { executors, operators, bus, version, logger }), close };
  },
  gateway: async (options) => {
    const { settings, version, logger } = options;
    const { wireGateway } = await import("#services/gateway/main.ts");
    const store = await openSharedStore(options);
    const parser = createPeerTransport({ addresses: settings.peers.parser, logger });
    const scheduler = createPeerTransport({ addresses: settings.peers.scheduler, logger });
    const executor = createPeerTransport({ addresses: settings.peers.executors, logger });
    const service = wireGateway(settings, {
      store,
      artifacts: openArtifacts(settings, logger),
      parser,
      scheduler,
      executor,
      executors: () => executor.each(),
      version,
      logger,
    });
    const close = async (): Promise<void> => {
      await closeAll([parser, scheduler, executor]);
      await store.close();
    };
    return { service, handleHttp: service.handleHttp, close };
  },
};

/** Kafka's client is loaded only where brokers are set. */
async function loadBusOf(settings: Settings) {
  return settings.kafka.brokers.length === 0 ? null : import("./open-bus.ts");
}

async function openBusOf(settings: Settings, logger: Logger): Promise<Bus | null> {
  return (await loadBusOf(settings))?.openBus(settings, logger) ?? null;
}

/** Only an executor meets the same runs again and again. */
async function openSharedStore(options: OpenServiceOptions, keeps: "all_runs" | "few_runs" = "few_runs") {
  const { openStore, sharedDatabaseUrl } = await import("./open-store.ts");
  const cache = keeps === "all_runs" ? ampleCache : slimCache;
  return openStore(sharedDatabaseUrl(options.settings), { ...options, cache });
}

function closeAll(transports: readonly RemoteTransport[]): Promise<void> {
  for (const transport of transports) transport.close();
  return Promise.resolve();
}
