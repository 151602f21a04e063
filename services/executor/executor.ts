import { breakerComponent } from "#breakers/breaker-component.ts";
import { systemClock } from "#clock/system-clock.ts";
import { createConsistencyCheck } from "#doctor/consistency-check.ts";
import { ExecutorService } from "#gen/millrace/v1/executor_service_pb.js";
import { WorkerSessionService } from "#gen/millrace/v1/worker_session_service_pb.js";
import type { Bus } from "#ports/bus.ts";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import type { TopicPlan } from "#ports/topic-plan.ts";
import type { ComponentStatus, Service } from "#rpc/service.ts";
import { createApprovalHandler } from "./waits/approval-handler.ts";
import { AssignmentBuilder } from "./dispatch/assignment-builder.ts";
import { BusFeed } from "./events/bus-feed.ts";
import { createConsistencyHandler } from "./upkeep/consistency-handler.ts";
import { ConsistencyLoop } from "./upkeep/consistency-loop.ts";
import { createDeadLetterHandlers } from "./upkeep/dead-letter-handlers.ts";
import { type Retention, RetentionLoop } from "./upkeep/retention-loop.ts";
import { createExecutorCore, type ExecutorCore, type ExecutorCoreOptions } from "./executor-core.ts";
import { createExecutorService } from "./executor-service.ts";
import { createUsageHandler } from "./sessions/attempt-usages.ts";

export interface ExecutorOptions extends Omit<ExecutorCoreOptions, "clock" | "assignments" | "bus" | "takesQueues"> {
  /** Tickets and public events go there; null: attempts go over the sessions, events to the event log alone. */
  readonly bus: Bus | null;
  readonly topics: Omit<TopicPlan, "queues">;
  readonly operators: OperatorSchemas;
  readonly dagsDirectory: string;
  readonly logMaxBytes: number;
  /** Time between looks at the whole state; 0: only on demand. */
  readonly consistencyIntervalMs: number;
  readonly retention: Retention;
}

export interface Executor extends Service {
  /** Registers the handlers of worker sessions alone, for a port that others share. */
  readonly sessionRoutes: Service["routes"];
}

/** An outcome may carry 16 MiB of outputs. */
const maxMessageBytes = 24 * 1024 * 1024;

/** Advances runs and feeds the workers that are connected to it. Keeps nothing that another executor could not rebuild. */
export function createExecutor(options: ExecutorOptions): Executor {
  const { bus, topics: plan, store, executorId: holder, logger } = options;
  const clock = systemClock;
  const assignments = new AssignmentBuilder(options);
  const feed = bus === null ? null : new BusFeed({ bus, plan, store, holder, clock, logger });
  const takesQueues = (queues: readonly string[]): void => feed?.takesQueues(queues);
  const core = createExecutorCore({ ...options, clock, assignments, takesQueues });
  const consistency = createConsistency(options, core);
  const retention = new RetentionLoop({ ...options, clock });
  const health = (): Readonly<Record<string, ComponentStatus>> => ({
    executor: core.isHealthy
      ? { status: "healthy", detail: "" }
      : { status: "degraded", detail: "the database does not answer; what happened is kept and written later" },
    ...(feed === null ? {} : { bus: feed.health }),
    breakers: breakerComponent([
      ...store.breakers,
      ...(bus?.breakers ?? []),
      ...(options.artifacts?.breakers ?? []),
      ...retention.breakers,
    ]),
  });
  const sessionRoutes: Executor["sessionRoutes"] = (router) => {
    router.service(WorkerSessionService, core.sessionService);
  };
  return {
    name: "executor",
    maxMessageBytes,
    sessionRoutes,
    routes: (router) => {
      sessionRoutes(router);
      const deadLetters = createDeadLetterHandlers({ letters: store.deadLetters, bus, logger });
      const approvals = createApprovalHandler({ store, submit: core.submit, clock });
      const check = createConsistencyHandler({ check: consistency.check, version: options.programVersion, health });
      const runs = createExecutorService(store, core.submit, options.operators);
      const usage = createUsageHandler(core.sessions);
      router.service(ExecutorService, { ...runs, ...approvals, ...deadLetters, ...check, ...usage });
    },
    async start() {
      feed?.start();
      core.start();
      consistency.loop.start();
      retention.start();
    },
    async stop() {
      await Promise.all([consistency.loop.stop(), retention.stop()]);
      await core.stop();
      await feed?.stop();
    },
    health,
  };
}

/** The reaper gives up what a lost worker held by then, and the repair scan has looked twice. */
const patienceInScans = 2;
const leaseMarginShare = 0.1;

function createConsistency(options: ExecutorOptions, core: ExecutorCore) {
  const { store, logger, executorId, consistencyIntervalMs: intervalMs, workerLeaseMs, scanIntervalMs } = options;
  const { artifacts } = options;
  const patienceMs = workerLeaseMs * (1 + leaseMarginShare) + patienceInScans * scanIntervalMs;
  const check = createConsistencyCheck({
    store,
    artifacts,
    clock: systemClock,
    logger,
    patienceMs,
    onRepaired: core.perform,
  });
  return { check, loop: new ConsistencyLoop({ store, clock: systemClock, logger, executorId, intervalMs, check }) };
}
