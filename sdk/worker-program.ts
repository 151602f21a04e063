import { readFileSync } from "node:fs";
import { AppError } from "#errors/app-error.ts";
import { handlerPattern } from "#operators/function-operator.ts";
import type { OperatorMiddleware, PlacedMiddleware } from "#operators/middleware-context.ts";
import { loadCatalog } from "#operators/plugins/load-catalog.ts";
import type { FunctionHandler } from "#operators/task-context.ts";
import { createAddressTransport } from "#rpc/transport.ts";
import { wireWorker } from "#services/worker/main.ts";
import { createLogger } from "#telemetry/logger.ts";
import { resolveProgramSettings } from "./program-settings.ts";
import type { WorkerProgramOptions } from "./worker-program-options.ts";

/** A worker in a program of one's own. Handlers and middlewares are registered before `run`. */
export interface WorkerProgram {
  /** Registers the handler of `function` tasks with this name. Throws `INVALID_ARGUMENT` for a second one of a name. */
  task(name: string, handler: FunctionHandler): WorkerProgram;
  /** Puts a middleware around the attempts of one kind of work, such as `function`, or of all. The first is outermost. */
  use(middleware: OperatorMiddleware, options?: { readonly type?: string }): WorkerProgram;
  /**
   * Works until SIGINT, SIGTERM or the signal; then it takes nothing new, lets attempts end within the drain's timeout,
   * and resolves. A second SIGINT or SIGTERM ends the process. It also resolves when the worker was drained from outside.
   * Rejects when the worker can't start, or is refused and told to end then (`MILLRACE_WORKER_ON_REFUSAL=exit`).
   */
  run(options?: { readonly signal?: AbortSignal }): Promise<void>;
}

/** A worker whose tasks are functions of this program. */
export function createWorker(options: WorkerProgramOptions = {}): WorkerProgram {
  const functions = new Map<string, FunctionHandler>();
  const middlewares: PlacedMiddleware[] = [];
  let hasRun = false;
  const program: WorkerProgram = {
    task(name, handler) {
      refuseLate(hasRun, `the handler ${name}`);
      checkHandler(name, handler);
      if (functions.has(name)) throw invalid(`there is a handler ${name} already; register each once`);
      functions.set(name, handler);
      return program;
    },
    use(middleware, { type } = {}) {
      refuseLate(hasRun, "a middleware");
      middlewares.push({ type: type ?? null, middleware });
      return program;
    },
    async run({ signal } = {}) {
      if (hasRun) throw invalid("the worker has run already; make another one");
      hasRun = true;
      await runWorker(options, { functions, middlewares }, signal);
    },
  };
  return program;
}

async function runWorker(
  options: WorkerProgramOptions,
  {
    functions,
    middlewares,
  }: { functions: ReadonlyMap<string, FunctionHandler>; middlewares: readonly PlacedMiddleware[] },
  signal: AbortSignal | undefined,
): Promise<void> {
  const settings = resolveProgramSettings(options);
  const parts = { builtIn: options.operators ?? [], functions, middlewares };
  const operators = await loadCatalog(settings.operators.plugins, process.cwd(), parts);
  if (operators.types.length === 0) throw invalid("the worker has nothing to run; register a handler with task()");
  const logger = createLogger({ ...settings.logging, component: "worker" });
  const executors = settings.peers.executors.map((address) => createAddressTransport(address));
  const worker = wireWorker(settings, { executors, operators, bus: null, version: readVersion(), logger });
  const stopping = waitForStop(signal);
  try {
    await worker.start();
    logger.info({ executors: settings.peers.executors, runs: operators.types }, "the worker takes tasks");
    await Promise.race([stopping.requested, ...(worker.ended === undefined ? [] : [worker.ended()])]);
  } finally {
    stopping.dispose();
    await worker.stop();
    for (const executor of executors) executor.close();
  }
}

/** The second signal finds no listener any more, and ends the process. */
function waitForStop(signal: AbortSignal | undefined): {
  readonly requested: Promise<void>;
  readonly dispose: () => void;
} {
  const { promise: requested, resolve } = Promise.withResolvers<void>();
  const stop = (): void => {
    dispose();
    resolve();
  };
  const dispose = (): void => {
    process.off("SIGINT", stop).off("SIGTERM", stop);
    signal?.removeEventListener("abort", stop);
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  signal?.addEventListener("abort", stop);
  if (signal?.aborted === true) stop();
  return { requested, dispose };
}

function checkHandler(name: string, handler: FunctionHandler): void {
  if (!handlerPattern.test(name)) {
    const rule = "letters, digits, dots, hyphens and underscores, at most 200, beginning with a letter or underscore";
    throw invalid(`the handler's name ${JSON.stringify(name)} must be ${rule}`);
  }
  if (typeof handler !== "function") throw invalid(`the handler ${name} must be a function`);
}

function refuseLate(hasRun: boolean, what: string): void {
  if (hasRun)
    throw invalid(`${what} comes too late: the worker has told executors what it runs; register it before run()`);
}

function invalid(message: string): AppError {
  return new AppError("INVALID_ARGUMENT", message);
}

/** Of the package that this is part of. */
function readVersion(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}
