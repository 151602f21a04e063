import type { RunStore } from "#ports/run-store.ts";
import type { Store } from "#ports/store.ts";
import type { WorkerStore } from "#ports/worker-store.ts";
import { changeRuns } from "#store/changes/change-runs.ts";
import { tellOfNewRun } from "#store/changes/new-run-wakes.ts";
import { roomWakes } from "#store/changes/room-wakes.ts";
import { RunCache } from "#store/changes/run-cache.ts";
import { createMemoryArtifacts } from "#store/memory/artifact-catalog.ts";
import { createMemoryBackfills } from "#store/memory/backfill-store.ts";
import { createMemoryConsistency } from "#store/memory/consistency-store.ts";
import { createMemoryDeadLetters } from "#store/memory/dead-letter-store.ts";
import { createMemoryDefinitions } from "#store/memory/definition-store.ts";
import { createMemoryEvents } from "#store/memory/event-log.ts";
import { createMemoryLeases } from "#store/memory/lease-store.ts";
import { createMemoryLimits } from "#store/memory/limit-store.ts";
import { createMemoryLogs } from "#store/memory/log-store.ts";
import { createMemoryQueries } from "#store/memory/queries.ts";
import { createMemoryRetention } from "#store/memory/retention-store.ts";
import { createMemoryRuns } from "#store/memory/run-store.ts";
import { createMemorySensors } from "#store/memory/sensor-store.ts";
import { createMemoryTemplates } from "#store/memory/template-store.ts";
import { createMemoryWaits } from "#store/memory/wait-store.ts";
import { createMemoryWorkers } from "#store/memory/worker-store.ts";
import type { SimProcess } from "../world/sim-process.ts";
import type { SimDatabase } from "./sim-database.ts";
import type { SimWakes } from "./sim-wakes.ts";

type Methods = Readonly<Record<string, (...given: never[]) => unknown>>;

/** One life of a process's connection to the simulated database: its own cache, its own listeners. */
export function createSimStore(database: SimDatabase, process: SimProcess, wakes: SimWakes): Store {
  const { state } = database;
  const behind = <P extends object>(port: P): P => {
    const methods = Object.entries(port as Methods).map(([name, method]) => [
      name,
      (...given: never[]) => database.request(process, () => method(...given)),
    ]);
    return Object.fromEntries(methods) as P;
  };
  const wake = wakes.join(process);
  const events = behind({
    ...createMemoryEvents(state),
    publish: async (epoch: number, limit: number) => state.publish(epoch, limit),
  });
  return {
    definitions: behind(createMemoryDefinitions(state)),
    templates: behind(createMemoryTemplates(state)),
    runs: createRuns(database, process, behind(createMemoryRuns(state)), wake),
    workers: createWorkers(database, process, behind(createMemoryWorkers(state))),
    leases: behind(createMemoryLeases(state)),
    backfills: behind(createMemoryBackfills(state)),
    sensors: behind(createMemorySensors(state)),
    events,
    limits: behind(createMemoryLimits(state)),
    logs: behind(createMemoryLogs(state)),
    artifacts: behind(createMemoryArtifacts(state)),
    deadLetters: behind(createMemoryDeadLetters(state)),
    queries: behind(createMemoryQueries(state)),
    waits: behind(createMemoryWaits(state)),
    retention: behind(createMemoryRetention(state)),
    consistency: behind(createMemoryConsistency(state)),
    wake,
    breakers: [],
    now: () => database.now(),
    close: async () => wake.close(),
  };
}

/** A registration may take over attempts, and waits for who changes their runs. */
function createWorkers(database: SimDatabase, process: SimProcess, workers: WorkerStore): WorkerStore {
  const direct = createMemoryWorkers(database.state);
  return {
    ...workers,
    register: (hello) => database.request(process, () => direct.register(hello), { locksRuns: true }),
  };
}

/** The loop that guards changes is the one that PostgreSQL has; so is what is told to others after a commit. */
function createRuns(database: SimDatabase, process: SimProcess, runs: RunStore, wake: Store["wake"]): RunStore {
  const cache = new RunCache();
  const table = {
    load: (runKeys: readonly number[]) => database.load(process, runKeys),
    write: (decided: Parameters<SimDatabase["write"]>[1]) => database.write(process, decided),
  };
  return {
    ...runs,
    async createRun(run) {
      const result = await runs.createRun(run);
      tellOfNewRun(wake, run, result);
      return result;
    },
    async changeRuns(changes) {
      const results = await changeRuns({ table, cache }, changes);
      if (results.some((result) => result.kind === "applied" && result.decision.events.length > 0))
        wake.notify("outbox");
      for (const result of results) {
        if (result.kind === "applied") for (const topic of roomWakes(result.run, result.decision)) wake.notify(topic);
      }
      return results;
    },
  };
}
