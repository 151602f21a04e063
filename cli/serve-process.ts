import { flushCompileCache } from "node:module";
import { AppError } from "#errors/app-error.ts";
import { type RunningServer, startServer } from "#rpc/server.ts";
import type { Logger } from "#telemetry/logger.ts";
import type { CliContext } from "./context.ts";
import { createHealthHandler } from "./serve/health-handler.ts";
import { limitHeapGrowth } from "./serve/heap-growth.ts";
import { startMemoryTrim } from "./serve/memory-trim.ts";
import type { OpenedService } from "./serve/opened-service.ts";
import { stopInOrder } from "./serve/stop-in-order.ts";

export interface ServeOptions {
  readonly host: string;
  readonly port: number;
  readonly logger: Logger;
  readonly context: CliContext;
  /** Opens what the service needs; may wait for it until the signal. */
  readonly open: (signal: AbortSignal) => Promise<OpenedService>;
  /** Called once the service takes work. */
  readonly onReady: (url: string) => void;
}

/**
 * One service, or several behind one port, for the life of a process: opens, starts, listens, and at SIGINT or SIGTERM
 * stops in order: no new calls, loops and streams to their end, then the database. A second signal ends the process at
 * once. A service that listens for its health alone (the worker) listens before it starts.
 */
export async function serveProcess(options: ServeOptions): Promise<void> {
  const { context, logger } = options;
  const stopping = new AbortController();
  const stopRequested = new Promise<void>((resolve) =>
    stopping.signal.addEventListener("abort", () => resolve(), { once: true }),
  );
  const endInterrupt = context.onInterrupt((count) => {
    if (count > 1) return context.abort();
    logger.info("stopping; a second signal stops at once");
    return stopping.abort(new AppError("TIMEOUT", "stopped while starting"));
  });
  try {
    await checkPort(options);
    const opened = await openUnlessStopped(options, stopping.signal);
    if (opened === null) return;
    await serve(opened, { ...options, stopRequested });
  } finally {
    endInterrupt();
  }
}

/** Throws `PORT_IN_USE` before anything else is opened. */
export async function checkPort({ host, port, logger }: { host: string; port: number; logger: Logger }): Promise<void> {
  const server = await startServer({ host, port, routes: () => undefined, logger });
  await server.close();
}

async function openUnlessStopped(options: ServeOptions, signal: AbortSignal): Promise<OpenedService | null> {
  try {
    return await options.open(signal);
  } catch (thrown) {
    if (signal.aborted) return null;
    throw thrown;
  }
}

async function serve(opened: OpenedService, options: ServeOptions & { stopRequested: Promise<void> }): Promise<void> {
  const { service } = opened;
  let isStarted = false;
  let server: RunningServer | null = null;
  let endLimit = (): void => undefined;
  let endTrim = (): void => undefined;
  const listen = async (): Promise<void> => {
    const handleHttp = opened.handleHttp ?? createHealthHandler(service, () => isStarted);
    const { host, port, logger } = options;
    const { routes, maxMessageBytes } = service;
    const limits = maxMessageBytes === undefined ? {} : { maxMessageBytes };
    server = await startServer({ host, port, routes, handleHttp, logger, ...limits });
  };
  try {
    if (service.name === "worker") await listen();
    const isUp = await Promise.race([service.start().then(() => true), options.stopRequested.then(() => false)]);
    if (!isUp) return;
    isStarted = true;
    if (service.name !== "worker") await listen();
    options.onReady(urlOf(server));
    flushCompileCache();
    endLimit = limitHeapGrowth();
    endTrim = startMemoryTrim();
    await Promise.race([options.stopRequested, ...(service.ended === undefined ? [] : [service.ended()])]);
  } finally {
    isStarted = false;
    endLimit();
    endTrim();
    await stopInOrder([() => service.stop(), () => closeServer(server), opened.close], options.logger);
  }
}

async function closeServer(server: RunningServer | null): Promise<void> {
  await server?.close();
}

function urlOf(server: RunningServer | null): string {
  return server?.url ?? "";
}
