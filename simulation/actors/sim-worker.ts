import { noResources } from "#core/resource-amounts.ts";
import { keyOf, type Assignment, type AttemptReport, failureReport } from "#services/worker/attempt.ts";
import type { Execution } from "#services/worker/attempt-execution.ts";
import { incarnationTrail } from "#services/worker/incarnation.ts";
import { createMemorySpool, type OutcomeSpool } from "#services/worker/outcome-spool.ts";
import type { ConnectionHandlers, SessionConnection } from "#services/worker/session-connection.ts";
import { SessionLoop } from "#services/worker/session-loop.ts";
import { initialState } from "#services/worker/session-model.ts";
import type { Logger } from "#telemetry/logger.ts";
import type { Ledger } from "../invariants/ledger.ts";
import type { SimBroker } from "../world/sim-broker.ts";
import type { SimProcess } from "../world/sim-process.ts";
import type { Deployment } from "./deployment.ts";
import type { TaskScript } from "../workload/task-script.ts";

/** How soon what runs is dead when its worker dies: the runner sees it, or the next start does. */
const killMs = 5;

export interface SimWorkerParts {
  readonly deployment: Deployment;
  readonly slots: number;
  readonly ledger: Ledger;
  readonly logger: Logger;
  readonly script: TaskScript;
  readonly broker: SimBroker | null;
  readonly executorCount: number;
  readonly connect: (executor: number, handlers: ConnectionHandlers) => SessionConnection;
  /** Whether what is kept on disk outlives the process. */
  readonly keepsSpool: boolean;
}

interface Running {
  readonly assignment: Assignment;
  readonly finish: (report: AttemptReport) => void;
}

/** A worker: its session process, which may die or stand still, and the runner beside it, which watches the lease itself. */
export class SimWorker {
  readonly process: SimProcess;
  readonly runner: SimProcess;
  readonly #parts: SimWorkerParts;
  readonly #running = new Map<string, Running>();
  #spool: OutcomeSpool = createMemorySpool();
  #predecessors: readonly string[] = [];
  #loop: SessionLoop | null = null;
  #leaseNumber = 0;

  constructor(process: SimProcess, runner: SimProcess, parts: SimWorkerParts) {
    this.process = process;
    this.runner = runner;
    this.#parts = parts;
  }

  get isUp(): boolean {
    return this.#loop !== null;
  }

  start(): void {
    if (this.#loop !== null) return;
    this.process.restart();
    const { process } = this;
    const { deployment, slots, executorCount, connect, logger, keepsSpool, broker } = this.#parts;
    if (!keepsSpool) this.#spool = createMemorySpool();
    const state = initialState({
      executorCount,
      slots,
      resources: noResources,
      drainTimeoutMs: deployment.drainTimeoutMs,
      start: `${process.name}-${process.life}`,
      predecessors: this.#predecessors,
      spooled: this.#spool.list(),
    });
    this.#predecessors = incarnationTrail(state.incarnation);
    this.#loop = new SessionLoop(state, {
      workerId: process.name,
      version: "simulated",
      queues: ["default"],
      slots,
      labels: {},
      host: { hostname: process.name, resources: noResources, capabilities: [] },
      capabilities: ["noop"],
      clock: process,
      connect,
      execute: (assignment) => this.#execute(assignment),
      setRunnerLease: (ms) => this.#watchLease(ms),
      spool: this.#spool,
      bus: broker?.consumersOf(process) ?? null,
      logger,
      recordIncarnations: (incarnations) => {
        this.#predecessors = incarnations;
      },
      measure: null,
      onRefused: () => undefined,
    });
    this.#loop.dispatch({ kind: "tick" });
  }

  /** The session process is gone, and with it, in a moment, what it ran. */
  crash(): void {
    this.#loop = null;
    this.process.crash();
    this.#parts.broker?.died(this.process);
    this.#leaseNumber += 1;
    for (const { assignment } of this.#running.values()) this.runner.after(killMs, () => this.#die(assignment));
  }

  /** Finishes what runs; `over` is called when the process has ended. */
  drain(over: () => void): void {
    const loop = this.#loop;
    if (loop === null || loop.state.draining !== null) return;
    loop.dispatch({ kind: "shutdown", reason: "simulated" });
    void loop.over.then(() => {
      if (this.#loop !== loop) return;
      this.#loop = null;
      this.process.crash();
      over();
    });
  }

  #execute(assignment: Assignment): Execution {
    const { ledger, slots, script } = this.#parts;
    const { promise, resolve } = Promise.withResolvers<AttemptReport>();
    const key = keyOf(assignment.ref);
    ledger.start(assignment.ref, this.process.name, slots);
    const finish = (report: AttemptReport): void => {
      if (!this.#running.has(key)) return;
      this.#die(assignment);
      // The report goes from the runner to the session process, which may not live to see it.
      this.process.after(0, () => resolve(report));
    };
    this.#running.set(key, { assignment, finish });
    const { durationMs, report } = script(assignment.ref);
    this.runner.after(durationMs, () => finish(report));
    return {
      ended: promise,
      stop: (reason, graceMs) => {
        const report = failureReport(reason === "drain" ? "interrupted" : "killed", "ended from outside");
        this.runner.after(Math.min(graceMs, killMs) * this.runner.random(), () => finish(report));
      },
      addLogCredit: () => undefined,
    };
  }

  /** The process tree of an attempt is gone. */
  #die(assignment: Assignment): void {
    if (!this.#running.delete(keyOf(assignment.ref))) return;
    this.#parts.ledger.end(assignment.ref, this.process.name);
  }

  /** The runner kills everything when the lease ends and nobody has renewed it (G4). */
  #watchLease(ms: number): void {
    this.#leaseNumber += 1;
    const number = this.#leaseNumber;
    this.runner.after(ms, () => {
      if (number !== this.#leaseNumber) return;
      for (const { finish } of this.#running.values()) finish(failureReport("killed", "the lease ended"));
    });
  }
}
