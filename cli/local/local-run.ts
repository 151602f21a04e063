import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { createClient } from "@connectrpc/connect";
import type { Settings } from "#config/settings-schema.ts";
import { readEnvironment } from "#config/environment.ts";
import { shortagesOf } from "#core/resource-amounts.ts";
import { resourceText } from "#core/resource-text.ts";
import type { Definition, JsonObject } from "#definition/model.ts";
import { requestsOf } from "#definition/schema/task-resources.ts";
import { requiredCapabilities } from "#definition/schema/task-enclosure.ts";
import { AppError } from "#errors/app-error.ts";
import { ExecutorService } from "#gen/millrace/v1/executor_service_pb.js";
import type { Store } from "#ports/store.ts";
import { createInProcessTransport } from "#rpc/transport.ts";
import { findHostEnclosures, type HostEnclosures, noEnclosures } from "#runner/enclosure/host-enclosures.ts";
import { wireExecutor } from "#services/executor/main.ts";
import type { ReadDefinition } from "#services/parser/read-definition.ts";
import { registerDefinition } from "#services/parser/register-definition.ts";
import { createTriggerHandler } from "#services/scheduler/trigger-run.ts";
import { resourcesOffered, wireWorker } from "#services/worker/main.ts";
import { createMemoryStore } from "#store/memory/memory-store.ts";
import type { Logger } from "#telemetry/logger.ts";
import type { RunFeed } from "../follow/run-feed.ts";
import { loadOperators } from "../load-operators.ts";
import { openArtifacts } from "../serve/open-artifacts.ts";
import { toPlan } from "../serve/open-store.ts";
import { stopInOrder } from "../serve/stop-in-order.ts";
import { createStoreFeed } from "./store-feed.ts";

export type ValidDefinition = Extract<ReadDefinition, { kind: "valid" }>;

export interface LocalRun {
  readonly runId: string;
  readonly store: Store;
  readonly feed: RunFeed;
  readonly warnings: readonly string[];
  /** Asks for the end of the run; the feed tells when it has come. */
  cancel(reason: string): Promise<void>;
  /** Ends the worker with what it runs, and removes its folder. */
  stop(): Promise<void>;
}

/**
 * Starts a run of a definition in this process: the memory store, an executor and a worker, the same as everywhere else,
 * over function calls. Throws what a trigger throws, e.g. `INVALID_PARAMETERS`.
 */
export async function startLocalRun(options: {
  file: string;
  read: ValidDefinition;
  parameters: JsonObject;
  settings: Settings;
  version: string;
  logger: Logger;
}): Promise<LocalRun> {
  const { file, read, parameters, settings: given, version, logger } = options;
  refuseFunctions(read.definition);
  const enclosures = await findNeeded(read.definition, given);
  const operators = await loadOperators(given);
  const dataDir = await mkdtemp(join(tmpdir(), "millrace-run-"));
  const directory = dirname(resolve(file));
  // Virtualenvs take long to make, and outlast the run.
  const virtualenvs = given.operators.virtualenvs ?? join(given.dataDir, "virtualenvs");
  const settings = {
    ...given,
    dataDir,
    dags: { ...given.dags, directory },
    operators: { ...given.operators, virtualenvs },
  };
  const store = createMemoryStore({ toPlan });
  // The data directory goes with the run, and the files of its tasks would go with it.
  const isKept = settings.artifacts.directory !== null || settings.artifacts.objectStore.bucket !== null;
  const artifacts = isKept ? openArtifacts(settings, logger) : null;
  const parts = { store, artifacts, operators: operators.schemas, bus: null, scheduler: null, logger, version };
  const executor = wireExecutor(settings, { ...parts, backend: "local" });
  const transport = createInProcessTransport(executor.routes, { logger });
  const host = { operators, bus: null, version, logger, findEnclosures: () => Promise.resolve(enclosures) };
  const worker = wireWorker(settings, { executors: [transport], ...host });
  // A process that is ended at once has no time for more than this.
  const onExit = (): void => rmSync(dataDir, { recursive: true, force: true });
  process.once("exit", onExit);
  const removeFolder = async (): Promise<void> => {
    process.off("exit", onExit);
    await rm(dataDir, { recursive: true, force: true });
  };
  const stop = (): Promise<void> =>
    stopInOrder([() => worker.stop(), () => executor.stop(), () => store.close(), removeFolder], logger);
  try {
    await registerDefinition(store, read, basename(file));
    const { runId, warnings } = await createTriggerHandler(store)({
      dagId: read.definition.id,
      parameters,
      logicalAt: null,
      note: "",
      externalTriggerId: "",
      replaceExisting: false,
      runType: "manual",
      caller: "cli",
      traceparent: null,
      request: null,
    });
    await executor.start();
    await worker.start();
    const feed = createStoreFeed(store, { runId, definition: read.definition });
    const executors = createClient(ExecutorService, transport);
    const cancel = async (reason: string): Promise<void> => {
      await executors.cancelRun({ dagRunId: runId, reason, caller: "cli" });
    };
    return { runId, store, feed, warnings, cancel, stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

/** What this host can enclose attempts with; looked for only where a task asks, which without it would wait for ever. */
async function findNeeded(definition: Definition, settings: Settings): Promise<HostEnclosures> {
  await refuseTooLarge(definition, settings);
  const { tasks } = definition;
  const asking = tasks.filter((task) => requiredCapabilities(task).length > 0);
  if (asking.length === 0) return noEnclosures;
  const found = await findHostEnclosures(readEnvironment());
  for (const task of asking) {
    const lacking = requiredCapabilities(task).find((name) => !found.capabilities.some((known) => known === name));
    if (lacking === undefined) continue;
    const reason = Object.entries(found.missing).find(([name]) => name === lacking)?.[1] ?? "";
    throw new AppError(
      "INVALID_ARGUMENT",
      `task ${task.id} asks for ${lacking}, which this host can't give: ${reason}`,
    );
  }
  return found;
}

/** This machine's worker is the only one: what it could never hold would wait for ever. */
async function refuseTooLarge({ tasks }: Definition, { worker }: Settings): Promise<void> {
  const offered = await resourcesOffered(worker, tmpdir());
  for (const { id, resources } of tasks) {
    if (resources === undefined) continue;
    const requests = requestsOf(resources);
    const short = shortagesOf(requests, offered);
    if (short.length === 0) continue;
    const has = resourceText(offered, short);
    const message = `task ${id} asks for ${resourceText(requests, short)}, and this machine has ${has}`;
    throw new AppError("INVALID_ARGUMENT", `${message}; ask for less, or raise worker.resources`);
  }
}

/** Its handlers are in a program that connects to a server; here such a task would wait for ever. */
function refuseFunctions({ tasks }: Definition): void {
  const found = tasks.find(({ type }) => type === "function");
  if (found === undefined) return;
  const advice = "run it on a server (`millrace dev`) that the program connects to";
  throw new AppError(
    "INVALID_ARGUMENT",
    `task ${found.id} is a function of a worker program, and there is none here; ${advice}`,
  );
}
