import { createServer, type Server } from "node:net";
import { afterEach, describe, expect, test, vi } from "vitest";
import { AppError } from "#errors/app-error.ts";
import type { ComponentStatus, Service } from "#rpc/service.ts";
import { createLogger } from "#telemetry/logger.ts";
import type { CliContext } from "./context.ts";
import { createPaint } from "./rendering/paint.ts";
import { serveProcess } from "./serve-process.ts";

const logger = createLogger({ level: "silent", format: "json", component: "test" });
const holders: Server[] = [];

afterEach(() => {
  for (const holder of holders.splice(0)) holder.close();
});

describe("serveProcess", () => {
  test("starts, serves health, and stops in order at the first signal", async () => {
    const steps: string[] = [];
    const { context, interrupt } = contextWithSignals();
    const ready = Promise.withResolvers<string>();
    const ending = serveProcess({
      ...place,
      context,
      open: () => opened(service(steps), steps),
      onReady: ready.resolve,
    });
    const url = await ready.promise;
    expect(await statusOf(`${url}/healthz`)).toBe(200);
    expect(await statusOf(`${url}/readyz`)).toBe(200);
    expect(await statusOf(`${url}/other`)).toBe(404);
    interrupt(1);
    await ending;
    expect(steps).toEqual(["start", "stop", "close"]);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow("fetch failed");
  });

  test("an unhealthy component makes it not ready, but alive", async () => {
    const { context, interrupt } = contextWithSignals();
    const ready = Promise.withResolvers<string>();
    const ill: Service = { ...service([]), health: () => ({ database: { status: "unhealthy", detail: "away" } }) };
    const ending = serveProcess({ ...place, context, open: () => opened(ill, []), onReady: ready.resolve });
    const url = await ready.promise;
    expect([await statusOf(`${url}/healthz`), await statusOf(`${url}/readyz`)]).toEqual([200, 503]);
    interrupt(1);
    await ending;
  });

  test("a second signal ends the process at once", async () => {
    const { context, interrupt, aborted } = contextWithSignals();
    const never = Promise.withResolvers<void>();
    const ready = Promise.withResolvers<string>();
    const stuck: Service = { ...service([]), stop: () => never.promise };
    const ending = serveProcess({ ...place, context, open: () => opened(stuck, []), onReady: ready.resolve });
    await ready.promise;
    interrupt(1);
    interrupt(2);
    expect(aborted()).toBe(true);
    never.resolve();
    await ending;
  });

  test("a service that ends by itself ends the process, with an error where that is a failure", async () => {
    const steps: string[] = [];
    const { context } = contextWithSignals();
    const begin = (ended: Promise<void>): Promise<void> => {
      const own: Service = { ...service(steps), ended: () => ended };
      return serveProcess({ ...place, context, open: () => opened(own, steps), onReady: () => undefined });
    };
    await begin(Promise.resolve());
    expect(steps).toEqual(["start", "stop", "close"]);
    const refused = new AppError("WORKER_REFUSED", "another protocol");
    await expect(begin(Promise.reject(refused))).rejects.toBe(refused);
    expect(steps).toEqual(["start", "stop", "close", "start", "stop", "close"]);
  });

  test("a signal while it waits for its database ends it without an error", async () => {
    const { context, interrupt } = contextWithSignals();
    const opening = Promise.withResolvers<void>();
    const ending = serveProcess({
      ...place,
      context,
      onReady: () => undefined,
      open: (signal) => {
        opening.resolve();
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
      },
    });
    await opening.promise;
    interrupt(1);
    await expect(ending).resolves.toBeUndefined();
  });

  test("a signal while the service starts stops what was opened", async () => {
    const steps: string[] = [];
    const { context, interrupt } = contextWithSignals();
    const starting = Promise.withResolvers<void>();
    const slow: Service = {
      ...service(steps),
      start: () => {
        starting.resolve();
        return new Promise(() => undefined);
      },
    };
    const ending = serveProcess({ ...place, context, open: () => opened(slow, steps), onReady: () => undefined });
    await starting.promise;
    interrupt(1);
    await ending;
    expect(steps).toEqual(["stop", "close"]);
  });

  test("a worker answers for its health while it still looks for an executor", async () => {
    const { context, interrupt } = contextWithSignals();
    const port = await freePort();
    const worker: Service = { ...service([]), name: "worker", start: () => new Promise(() => undefined) };
    const ending = serveProcess({ ...place, port, context, open: () => opened(worker, []), onReady: () => undefined });
    await vi.waitFor(async () => expect(await statusOf(`http://127.0.0.1:${port}/readyz`)).toBe(503), {
      timeout: 5000,
    });
    expect(await statusOf(`http://127.0.0.1:${port}/healthz`)).toBe(200);
    interrupt(1);
    await ending;
  });

  test("a port in use is found before anything is opened", async () => {
    const { context } = contextWithSignals();
    const port = await freePort();
    await hold(port);
    const open = vi.fn(() => opened(service([]), []));
    const failure = serveProcess({ ...place, port, context, open, onReady: () => undefined });
    await expect(failure).rejects.toThrow(expect.objectContaining({ code: "PORT_IN_USE" }));
    expect(open).not.toHaveBeenCalled();
  });

  test("a service that can't start lets go of what was opened, and its error is told", async () => {
    const steps: string[] = [];
    const { context } = contextWithSignals();
    const broken: Service = { ...service(steps), start: () => Promise.reject(new AppError("INVALID_CONFIG", "no")) };
    const failure = serveProcess({ ...place, context, open: () => opened(broken, steps), onReady: () => undefined });
    await expect(failure).rejects.toThrow("no");
    expect(steps).toEqual(["stop", "close"]);
  });
});

const place = { host: "127.0.0.1", port: 0, logger };

function service(steps: string[]): Service {
  const healthy: ComponentStatus = { status: "healthy", detail: "" };
  return {
    name: "scheduler",
    routes: () => undefined,
    start: async () => void steps.push("start"),
    stop: async () => void steps.push("stop"),
    health: () => ({ scheduler: healthy }),
  };
}

async function opened(of: Service, steps: string[]): Promise<{ service: Service; close: () => Promise<void> }> {
  return { service: of, close: async () => void steps.push("close") };
}

function contextWithSignals(): { context: CliContext; interrupt: (count: number) => void; aborted: () => boolean } {
  let listener: ((count: number) => void) | null = null;
  let isAborted = false;
  const paint = createPaint(false);
  const context: CliContext = {
    terminal: {
      write: () => undefined,
      writeError: () => undefined,
      isInteractive: false,
      hasStatusLine: false,
      paint,
      paintError: paint,
      columns: () => 80,
      rows: () => 24,
    },
    environment: {},
    directory: "/",
    now: () => 0,
    onInterrupt: (next) => {
      listener = next;
      return () => {
        listener = null;
      };
    },
    abort: () => {
      isAborted = true;
    },
    setExitCode: () => undefined,
  };
  return { context, interrupt: (count) => listener?.(count), aborted: () => isAborted };
}

async function statusOf(url: string): Promise<number> {
  const response = await fetch(url);
  await response.body?.cancel();
  return response.status;
}

async function freePort(): Promise<number> {
  const server = await hold(0);
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function hold(port: number): Promise<Server> {
  const server = createServer().listen(port, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  holders.push(server);
  return server;
}
