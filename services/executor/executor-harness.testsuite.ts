import { createClient, type Transport } from "@connectrpc/connect";
import { onTestFinished, vi } from "vitest";
import type { Definition } from "#definition/model.ts";
import { parseDefinition } from "#definition/parse-definition.ts";
import { planOf } from "#definition/plan-of.ts";
import { ExecutorService } from "#gen/millrace/v1/executor_service_pb.js";
import { operatorSchemas } from "#operators/registry.ts";
import type { ArtifactStore } from "#ports/artifact-store.ts";
import type { Bus } from "#ports/bus.ts";
import type { NewRun } from "#ports/new-run.ts";
import type { RunView } from "#ports/run-views.ts";
import type { Store } from "#ports/store.ts";
import { createInProcessTransport } from "#rpc/transport.ts";
import type { Service } from "#rpc/service.ts";
import { createLogger } from "#telemetry/logger.ts";
import { expectRegistered, newVersion } from "#testing/dag-builder.ts";
import { newRun } from "#testing/store-driver.ts";
import { createExecutor } from "./executor.ts";
import type { MakeRun } from "./runs/run-maker.ts";
import type { Retention } from "./upkeep/retention-loop.ts";
import { FakeWorker, type FakeWorkerOptions, patience } from "./fake-worker.testsuite.ts";

export const workerLeaseMs = 2000;
const dayMs = 86_400_000;
const logger = createLogger({ level: "silent", format: "json", component: "test" });

export const toPlan = (definition: unknown): ReturnType<typeof planOf> => planOf(definition as Definition);

/** An executor over a store, and everything around it that a test needs. */
export interface ExecutorHarness {
  readonly service: Service;
  readonly transport: Transport;
  connect(options: FakeWorkerOptions): FakeWorker;
  /** Registers a definition and makes a run of it; answers the run's id. */
  startRun(yaml: string, parameters?: NewRun["parameters"]): Promise<string>;
  run(runId: string): Promise<RunView>;
  ended(runId: string): Promise<RunView>;
  states(runId: string): Promise<Record<string, string>>;
  cancel(runId: string): Promise<void>;
  setPaused(runId: string, isPaused: boolean): Promise<void>;
  /** Registers another version of a definition. */
  register(yaml: string): Promise<void>;
}

export async function startExecutor(
  store: Store,
  options: {
    handOff?: boolean;
    executorId?: string;
    scanIntervalMs?: number;
    bus?: Bus;
    redispatchAfterMs?: number;
    reserveAfterMs?: number;
    /** Workers that don't beat get no work after half of it. */
    leaseMs?: number;
    makeRun?: MakeRun;
    artifacts?: ArtifactStore;
    /** Absent: everything is kept. */
    retention?: Retention;
  } = {},
): Promise<ExecutorHarness> {
  const service = createExecutor({
    store,
    artifacts: options.artifacts ?? null,
    executorId: options.executorId ?? "executor-1",
    backend: options.bus === undefined ? "stream" : "kafka",
    bus: options.bus ?? null,
    makeRun: options.makeRun ?? null,
    topics: {
      partitions: 4,
      eventPartitions: 1,
      replication: null,
      ticketRetentionMs: 3_600_000,
      eventRetentionMs: 3_600_000,
    },
    redispatchAfterMs: options.redispatchAfterMs ?? 15_000,
    reserveAfterMs: options.reserveAfterMs ?? 60_000,
    programVersion: "test",
    workerLeaseMs: options.leaseMs ?? workerLeaseMs,
    heartbeatIntervalMs: 500,
    scanIntervalMs: options.scanIntervalMs ?? 20,
    handOff: options.handOff ?? true,
    operators: operatorSchemas,
    dagsDirectory: "/dags",
    logMaxBytes: 1024,
    consistencyIntervalMs: 0,
    retention: options.retention ?? { outputs: 0, artifacts: 0, logs: 0 },
    logger,
  });
  await service.start();
  onTestFinished(() => service.stop());
  const transport = createInProcessTransport(service.routes, { logger });
  const read = async (runId: string): Promise<RunView> => {
    const run = await store.queries.getRun(runId);
    if (run === null) throw new Error(`there is no run ${runId}`);
    return run;
  };
  return {
    service,
    transport,
    connect: (worker) => FakeWorker.connect(transport, worker),
    startRun: (yaml, parameters = {}) => startRun(store, yaml, parameters),
    run: read,
    ended: (runId) =>
      vi.waitFor(async () => {
        const run = await read(runId);
        if (run.endedAt === null) throw new Error(`run ${runId} is ${run.state}`);
        return run;
      }, patience),
    async states(runId) {
      const page = await store.queries.listInstances(
        { limit: 100, cursor: null, sort: null },
        { runId, dagId: null, states: [], runningLongerThanMs: null },
      );
      return Object.fromEntries(page.items.map(({ taskId, state }) => [taskId, state]));
    },
    register: async (yaml) => void (await register(store, yaml)),
    async cancel(runId) {
      await createClient(ExecutorService, transport).cancelRun({ dagRunId: runId });
    },
    async setPaused(runId, isPaused) {
      await createClient(ExecutorService, transport).setRunPaused({ dagRunId: runId, isPaused });
    },
  };
}

async function register(store: Store, yaml: string): Promise<{ dagKey: number; versionKey: number }> {
  const { definition, problems } = parseDefinition(yaml, {
    file: "test.yaml",
    operators: operatorSchemas,
    maxTaskTimeoutMs: dayMs,
  });
  if (definition === null) throw new Error(JSON.stringify(problems));
  const { id } = definition;
  const { dagKey } = expectRegistered(
    await store.definitions.register(
      newVersion(id, { filePath: `etl/${id}.yaml`, text: yaml, hash: yaml, definition }),
    ),
  );
  const active = await store.definitions.getActive(id);
  return { dagKey, versionKey: active?.versionKey ?? 0 };
}

async function startRun(store: Store, yaml: string, parameters: NewRun["parameters"]): Promise<string> {
  const result = await store.runs.createRun(newRun(await register(store, yaml), { parameters }));
  if (result.kind !== "created") throw new Error(`the run was not made: ${result.kind}`);
  return result.runId;
}
