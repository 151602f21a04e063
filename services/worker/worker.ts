import assert from "node:assert/strict";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Transport } from "@connectrpc/connect";
import { breakerComponent } from "#breakers/breaker-component.ts";
import { AppError, describeError } from "#errors/app-error.ts";
import type { ResourceAmounts } from "#core/resource-amounts.ts";
import type { OperatorCatalog } from "#operators/operator-catalog.ts";
import { systemClock } from "#clock/system-clock.ts";
import { readEnvironment } from "#config/environment.ts";
import type { OperatorHost } from "#operators/operator-host.ts";
import type { Bus } from "#ports/bus.ts";
import type { Service } from "#rpc/service.ts";
import { selectHostVariables } from "#runner/attempt-environment.ts";
import { killLeftovers } from "#runner/leftovers.ts";
import { RunnerClient } from "#runner/runner-client.ts";
import { type ContainerOwner, containerOwner, removeOrphans } from "#runner/enclosure/container-owner.ts";
import type { ContainerTool } from "#runner/enclosure/enclosure.ts";
import type { HostEnclosures } from "#runner/enclosure/host-enclosures.ts";
import type { SecretSource } from "#secrets/secret-source.ts";
import type { Logger } from "#telemetry/logger.ts";
import type { ContainerPolicy } from "./attempt-enclosure.ts";
import { startExecution } from "./attempt-execution.ts";
import { DiskSpool } from "./disk-spool.ts";
import { firstExecutor } from "./first-executor.ts";
import { incarnationTrail } from "./incarnation.ts";
import { measureResources } from "./machine-resources.ts";
import { createMachineMeter } from "./machine-usage.ts";
import { openOutcomeFolder } from "./outcome-folder.ts";
import { openConnection } from "./session-connection.ts";
import { SessionLoop } from "./session-loop.ts";
import { isFull } from "./pressure.ts";
import { initialState } from "./session-model.ts";
import { workerHealth } from "./worker-health.ts";
import { openWorkerHome, type WorkerHome } from "./worker-home.ts";

export interface WorkerOptions {
  /** Null: made once and kept in the data directory. */
  readonly workerId: string | null;
  /** The worker uses the folder `worker` in it, alone. */
  readonly dataDir: string;
  /** Tried in turn; there is at least one. */
  readonly executors: readonly Transport[];
  readonly queues: readonly string[];
  readonly slots: number;
  readonly labels: Readonly<Record<string, string>>;
  /** What its attempts may ask for together, where that is not what the machine has. */
  readonly resources: Partial<ResourceAmounts>;
  /** Finds what its host can enclose attempts with. */
  readonly findEnclosures: () => Promise<HostEnclosures>;
  readonly containers: ContainerPolicy;
  readonly drainTimeoutMs: number;
  /** False: it goes on trying, for somebody may set right what it is refused for. */
  readonly endsWhenRefused: boolean;
  /** Where its tickets come from; null: attempts come over the session alone. */
  readonly bus: Pick<Bus, "consumeTickets" | "breakers"> | null;
  /** Closed with the worker. */
  readonly host: OperatorHost;
  /** What it runs. */
  readonly operators: OperatorCatalog;
  readonly secrets: SecretSource;
  readonly logger: Logger;
  /** Of the program, told to executors. */
  readonly version: string;
}

interface Started {
  readonly home: WorkerHome;
  readonly runner: RunnerClient;
  readonly spool: DiskSpool;
  readonly loop: SessionLoop;
}

/**
 * The worker: runs attempts that executors assign to it over one session. `start` resolves when an executor has
 * welcomed it, or a first try has failed (it goes on trying); `stop` drains, and ends what is left at the drain's
 * timeout as interrupted. It ends by itself when it was asked to drain and has, or was refused and is told to end.
 */
export function createWorker(options: WorkerOptions): Service {
  if (options.executors.length === 0) throw new AppError("INVALID_CONFIG", "a worker needs the address of an executor");
  let started: Started | null = null;
  let stopped: Promise<void> | null = null;
  const ended = Promise.withResolvers<void>();
  // Whoever does not ask for the end need not hear of it.
  ended.promise.catch(() => undefined);
  return {
    name: "worker",
    routes: () => {},
    async start() {
      const onRefused = (problem: string): void => {
        if (options.endsWhenRefused) ended.reject(new AppError("WORKER_REFUSED", problem));
      };
      started = await startWorker(options, onRefused);
      void started.loop.over.then(() => ended.resolve());
      await started.loop.firstContact;
    },
    ended: () => ended.promise,
    async stop() {
      if (started !== null) stopped ??= stopWorker(started);
      await stopped;
      await options.host.sessions.close();
    },
    health: () => ({
      ...workerHealth(started),
      hosts: breakerComponent(options.host.outbound.guard?.breakers ?? []),
      ...(options.bus === null ? {} : { breakers: breakerComponent(options.bus.breakers) }),
    }),
  };
}

async function startWorker(options: WorkerOptions, onRefused: (problem: string) => void): Promise<Started> {
  const { dataDir, workerId, executors, slots, drainTimeoutMs, queues, labels, host, operators, secrets } = options;
  const home = openWorkerHome(dataDir, workerId);
  const logger = options.logger.child({ worker_id: home.workerId });
  try {
    const [dead, enclosures] = await Promise.all([endPredecessors(home, logger), findEnclosures(options, logger)]);
    const owner = containerOwner(home.workerId, home.directory);
    const isSwept = enclosures.container === null || (await sweepContainers(enclosures.container, owner, logger));
    const predecessors = isSwept ? dead : [];
    const hostVariables = selectHostVariables(readEnvironment());
    const runner = new RunnerClient({ dataDir: home.directory, environment: hostVariables, logger });
    const spool = await openSpool(home.directory, logger);
    const { start, recordIncarnations } = home;
    const resources = { ...(await measureResources(home.directory)), ...options.resources };
    const state = initialState({
      executorCount: executors.length,
      executor: firstExecutor(home.workerId, executors.length),
      ...{ slots, resources, drainTimeoutMs, start, predecessors },
      spooled: spool.list(),
    });
    recordIncarnations(incarnationTrail(state.incarnation));
    const { version } = options;
    const meter = createMachineMeter(home.directory);
    const loop = new SessionLoop(state, {
      workerId: home.workerId,
      version,
      queues,
      slots,
      labels,
      host: { hostname: hostname(), resources, capabilities: enclosures.capabilities },
      capabilities: operators.types,
      clock: systemClock,
      connect: (executor, handlers) =>
        openConnection(executors[executor] ?? assert.fail(`no executor ${executor}`), handlers),
      execute: (assignment, onLog, sendArtifact) =>
        startExecution(assignment, {
          ...{ runner, host, operators, secrets, hostVariables, enclosures },
          containers: { ...options.containers, dataDirectory: dataDir, owner },
          ...{ sendArtifact, onLog },
        }),
      setRunnerLease: (ms) => runner.setLease(ms),
      spool,
      bus: options.bus,
      logger,
      recordIncarnations,
      measure: async () => {
        runner.measure();
        const usage = await meter.measure();
        if (isFull(usage.diskPercent)) await sweep(runner, logger);
        return usage;
      },
      onRefused,
    });
    runner.start();
    loop.measure();
    loop.dispatch({ kind: "tick" });
    return { home, runner, spool, loop };
  } catch (error) {
    home.release();
    throw error;
  }
}

/** Kills what earlier starts left. Answers the incarnations that are certainly dead: none while a container may live (G4). */
async function endPredecessors({ directory, predecessors }: WorkerHome, logger: Logger): Promise<readonly string[]> {
  const tell = (message: string, attempt?: string): void => logger.warn({ attempt }, message);
  const { killed, unsure } = await killLeftovers(directory, tell);
  if (killed > 0) logger.warn({ attempts: killed }, "killed what an earlier start left running");
  if (unsure.length === 0) return predecessors;
  logger.error({ attempts: unsure }, "containers of an earlier start may still run: their engine gives no answer");
  return [];
}

/**
 * Nothing of this worker runs yet: containers of its own are of a start that left nothing else on the host. Answers whether
 * none is left; else no earlier incarnation is certainly dead (G4).
 */
async function sweepContainers(tool: ContainerTool, owner: ContainerOwner, logger: Logger): Promise<boolean> {
  const { removed, problem } = await removeOrphans(tool, owner);
  if (removed > 0) logger.warn({ containers: removed }, "removed containers that an earlier start of this worker left");
  if (problem !== null)
    logger.error(
      { reason: problem },
      "containers of an earlier start may still run: their engine does not remove them",
    );
  return problem === null;
}

/** Says once what attempts can't have here: those that ask for it go to other workers. */
async function findEnclosures(options: WorkerOptions, logger: Logger): Promise<HostEnclosures> {
  const found = await options.findEnclosures();
  if (Object.keys(found.missing).length > 0)
    logger.info(found.missing, "this host can't enclose attempts in every way");
  return found;
}

/** A full disk may be so of what attempts have left. */
async function sweep(runner: RunnerClient, logger: Logger): Promise<void> {
  const removed = await runner.sweep();
  if (removed > 0) logger.warn({ attempts: removed }, "the disk is full: removed directories that attempts had left");
}

async function openSpool(home: string, logger: Logger): Promise<DiskSpool> {
  const directory = join(home, "outcomes");
  const { folder, outcomes } = await openOutcomeFolder(directory, logger).catch((cause: unknown) => {
    const message = `the worker can't use ${directory}: ${describeError(cause)}`;
    throw new AppError("DATA_DIR_UNUSABLE", message, { cause, details: { directory } });
  });
  if (outcomes.length > 0) logger.info({ outcomes: outcomes.length }, "found outcomes that an earlier start kept");
  return new DiskSpool({ folder, outcomes, clock: systemClock, logger });
}

async function stopWorker({ home, runner, spool, loop }: Started): Promise<void> {
  loop.dispatch({ kind: "shutdown", reason: "the worker is shut down" });
  await loop.over;
  await runner.stop();
  await spool.close();
  home.release();
}
