import assert from "node:assert/strict";
import { availableParallelism, hostname, totalmem } from "node:os";
import type { Transport } from "@connectrpc/connect";
import { AppError } from "#errors/app-error.ts";
import { operatorSchemas } from "#operators/registry.ts";
import { systemClock } from "#clock/system-clock.ts";
import { readEnvironment } from "#config/environment.ts";
import type { OperatorHost } from "#operators/operator-host.ts";
import type { Bus } from "#ports/bus.ts";
import type { ComponentStatus, Service } from "#rpc/service.ts";
import { selectHostVariables } from "#runner/attempt-environment.ts";
import { killLeftovers } from "#runner/leftovers.ts";
import { RunnerClient } from "#runner/runner-client.ts";
import type { SecretSource } from "#secrets/secret-source.ts";
import type { Logger } from "#telemetry/logger.ts";
import { startExecution } from "./attempt-execution.ts";
import { createMemorySpool } from "./outcome-spool.ts";
import { openConnection } from "./session-connection.ts";
import { SessionLoop } from "./session-loop.ts";
import { incarnationId, initialState, type SessionState } from "./session-model.ts";
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
  readonly drainTimeoutMs: number;
  /** Where its tickets come from; null: attempts come over the session alone. */
  readonly bus: Pick<Bus, "consumeTickets"> | null;
  /** Closed with the worker. */
  readonly host: OperatorHost;
  readonly secrets: SecretSource;
  readonly logger: Logger;
  /** Of the program, told to executors. */
  readonly version: string;
}

interface Started {
  readonly home: WorkerHome;
  readonly runner: RunnerClient;
  readonly loop: SessionLoop;
}

/**
 * The worker: runs attempts that executors assign to it over one session. `start` resolves when an executor has
 * welcomed it, or a first try has failed (it goes on trying); `stop` drains, and ends what is left at the drain's
 * timeout as interrupted.
 */
export function createWorker(options: WorkerOptions): Service {
  if (options.executors.length === 0) throw new AppError("INVALID_CONFIG", "a worker needs the address of an executor");
  let started: Started | null = null;
  let stopped: Promise<void> | null = null;
  return {
    name: "worker",
    routes: () => {},
    async start() {
      started = await startWorker(options);
      await started.loop.firstContact;
    },
    async stop() {
      if (started !== null) stopped ??= stopWorker(started);
      await stopped;
      await options.host.sessions.close();
    },
    health: () => ({
      session: sessionStatus(started?.loop.state ?? null),
      runner: runnerStatus(started?.runner ?? null),
    }),
  };
}

async function startWorker(options: WorkerOptions): Promise<Started> {
  const { dataDir, workerId, executors, slots, drainTimeoutMs, queues, labels, host, secrets } = options;
  const home = openWorkerHome(dataDir, workerId);
  const logger = options.logger.child({ worker_id: home.workerId });
  try {
    const killed = await killLeftovers(home.directory);
    if (killed > 0) logger.warn({ attempts: killed }, "killed what an earlier start left running");
    const hostVariables = selectHostVariables(readEnvironment());
    const runner = new RunnerClient({ dataDir: home.directory, environment: hostVariables, logger });
    const spool = createMemorySpool();
    const { start, previous, recordIncarnation } = home;
    const executorCount = executors.length;
    const state = initialState({ executorCount, slots, drainTimeoutMs, start, previous, spooled: spool.list() });
    recordIncarnation(incarnationId(state.incarnation));
    const { version } = options;
    const loop = new SessionLoop(state, {
      workerId: home.workerId,
      version,
      queues,
      slots,
      labels,
      host: { hostname: hostname(), cpu: availableParallelism(), memoryBytes: BigInt(totalmem()) },
      capabilities: [...operatorSchemas.keys()],
      clock: systemClock,
      connect: (executor, handlers) =>
        openConnection(executors[executor] ?? assert.fail(`no executor ${executor}`), handlers),
      execute: (assignment, onLog) => startExecution(assignment, { runner, host, secrets, hostVariables, onLog }),
      setRunnerLease: (ms) => runner.setLease(ms),
      spool,
      bus: options.bus,
      logger,
      recordIncarnation,
    });
    runner.start();
    loop.dispatch({ kind: "tick" });
    return { home, runner, loop };
  } catch (error) {
    home.release();
    throw error;
  }
}

async function stopWorker({ home, runner, loop }: Started): Promise<void> {
  loop.dispatch({ kind: "shutdown", reason: "the worker is shut down" });
  await loop.over;
  await runner.stop();
  home.release();
}

function sessionStatus(state: SessionState | null): ComponentStatus {
  if (state === null) return { status: "unhealthy", detail: "not started" };
  if (state.link.kind === "over") return { status: "unhealthy", detail: "drained" };
  if (state.draining !== null) return { status: "degraded", detail: `draining: ${state.draining.reason}` };
  if (state.link.kind === "ready") return { status: "healthy", detail: "" };
  return { status: "degraded", detail: "no executor answers; trying again" };
}

function runnerStatus(runner: RunnerClient | null): ComponentStatus {
  if (runner?.isRunning === true) return { status: "healthy", detail: "" };
  return {
    status: "degraded",
    detail: runner === null ? "not started" : "the process that runs attempts is being replaced",
  };
}
