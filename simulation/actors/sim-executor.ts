import { create } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { HandlerContext } from "@connectrpc/connect";
import type { EvaluationResult } from "#core/run-event.ts";
import type { Instance, RunAggregate } from "#core/run-model.ts";
import {
  type Assignment,
  AssignmentSchema,
  type SessionRequest,
  type SessionResponse,
} from "#gen/millrace/v1/worker_session_service_pb.js";
import type { Store } from "#ports/store.ts";
import type { Assignments } from "#services/executor/dispatch/assignments.ts";
import { attemptRefOf } from "#services/executor/sessions/attempt-ref.ts";
import { createExecutorCore, type ExecutorCore } from "#services/executor/executor-core.ts";
import type { Logger } from "#telemetry/logger.ts";
import type { SimDatabase } from "../database/sim-database.ts";
import { createSimStore } from "../database/sim-store.ts";
import type { SimWakes } from "../database/sim-wakes.ts";
import { MessageQueue } from "../world/message-queue.ts";
import type { StreamEnd } from "../world/network.ts";
import type { SimBroker } from "../world/sim-broker.ts";
import type { SimProcess } from "../world/sim-process.ts";
import type { Deployment } from "./deployment.ts";

/** What a session's executor sees of its stream. */
export interface AcceptedStream {
  readonly end: StreamEnd<SessionRequest>;
  /** To be called at once, with the ways back. */
  attach(ways: { readonly send: (response: SessionResponse) => void; readonly close: (error: unknown) => void }): void;
}

/** How long a task waits that needs no worker. */
const simulatedWait = "3s";

/** An executor process: the real one, on the simulated clock, database and streams. */
export class SimExecutor {
  readonly process: SimProcess;
  readonly #database: SimDatabase;
  readonly #wakes: SimWakes;
  readonly #broker: SimBroker | null;
  readonly #deployment: Deployment;
  readonly #logger: Logger;
  #core: ExecutorCore | null = null;

  constructor(
    process: SimProcess,
    parts: {
      readonly database: SimDatabase;
      readonly wakes: SimWakes;
      readonly broker: SimBroker | null;
      readonly deployment: Deployment;
      readonly logger: Logger;
    },
  ) {
    this.process = process;
    this.#database = parts.database;
    this.#wakes = parts.wakes;
    this.#broker = parts.broker;
    this.#deployment = parts.deployment;
    this.#logger = parts.logger;
  }

  /** Null while it is down. */
  get core(): ExecutorCore | null {
    return this.#core;
  }

  start(): void {
    this.process.restart();
    const { handOff, backend, redispatchAfterMs, leaseMs, beatMs, scanMs, evaluate } = this.#deployment;
    const store = createSimStore(this.#database, this.process, this.#wakes);
    this.#core = createExecutorCore({
      store,
      artifacts: null,
      clock: this.process,
      assignments: plainAssignments(evaluate, store),
      executorId: `${this.process.name}/${this.process.life}`,
      backend,
      bus: this.#broker?.publisherOf(this.process) ?? null,
      redispatchAfterMs,
      reserveAfterMs: 60_000,
      programVersion: "simulated",
      workerLeaseMs: leaseMs,
      heartbeatIntervalMs: beatMs,
      scanIntervalMs: scanMs,
      handOff,
      makeRun: null,
      takesQueues: () => undefined,
      logger: this.#logger,
    });
    this.#core.start();
  }

  crash(): void {
    this.#core = null;
    this.process.crash();
  }

  /** The server's end of a new stream; it is served by the real session service. */
  accept(): AcceptedStream {
    const requests = new MessageQueue<SessionRequest>();
    const aborting = new AbortController();
    return {
      end: {
        process: this.process,
        receive: (request) => requests.push(request),
        closed: () => {
          aborting.abort();
          requests.end(new Error("the stream broke"));
        },
      },
      attach: ({ send, close }) => {
        const core = this.#core;
        if (core === null) return;
        // The session looks at nothing of its context but the signal.
        const context = { signal: aborting.signal } as HandlerContext;
        void serve(core.sessionService.session(requests, context) as AsyncIterable<SessionResponse>, send, close);
      },
    };
  }
}

async function serve(
  responses: AsyncIterable<SessionResponse>,
  send: (response: SessionResponse) => void,
  close: (error: unknown) => void,
): Promise<void> {
  try {
    for await (const response of responses) send(response);
    close(null);
  } catch (error) {
    close(error);
  }
}

/**
 * Assignments without a definition: what is rendered has no part in what is simulated, but when it is there has. Every
 * third task reads what its parents left, as one does whose fields name outputs.
 */
function plainAssignments(evaluate: Deployment["evaluate"], store: Store): Assignments {
  return {
    build: (run, instance) =>
      instance.task % 3 === 0
        ? store.runs.readOutputs(run.run.runKey, []).then(() => toAssignment(run, instance))
        : toAssignment(run, instance),
    evaluate: async (run, instance): Promise<EvaluationResult> => evaluate(run, instance),
    renderWait: async () => ({ operatorType: "wait", config: { duration: simulatedWait }, timezone: "UTC" }),
    prefetch: async () => undefined,
  };
}

function toAssignment(run: RunAggregate, instance: Instance): Assignment {
  const task = run.plan.tasks[instance.task];
  return create(AssignmentSchema, {
    attempt: attemptRefOf(run, instance),
    dagId: run.run.dagId,
    operatorType: "noop",
    timeout: durationFromMs(task?.timeoutMs ?? 0),
    gracePeriod: durationFromMs(task?.graceMs ?? 0),
    executionDate: timestampFromMs(run.run.logicalAt),
  });
}
