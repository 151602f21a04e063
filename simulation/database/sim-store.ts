import type { RunStore } from "#ports/run-store.ts";
import type { Store } from "#ports/store.ts";
import { changeRuns } from "#store/changes/change-runs.ts";
import { RunCache } from "#store/changes/run-cache.ts";
import { createMemoryDefinitions } from "#store/memory/definition-store.ts";
import { createMemoryEvents } from "#store/memory/event-log.ts";
import { createMemoryLeases } from "#store/memory/lease-store.ts";
import { createMemoryLogs } from "#store/memory/log-store.ts";
import { createMemoryQueries } from "#store/memory/queries.ts";
import { createMemoryRuns } from "#store/memory/run-store.ts";
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
    runs: createRuns(database, process, behind(createMemoryRuns(state)), wake),
    workers: behind(createMemoryWorkers(state)),
    leases: behind(createMemoryLeases(state)),
    events,
    logs: behind(createMemoryLogs(state)),
    queries: behind(createMemoryQueries(state)),
    wake,
    now: () => database.now(),
    close: async () => wake.close(),
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
      if (result.kind === "created") {
        wake.notify("queued");
        wake.notify("outbox");
        if (run.replaceExisting) wake.notify("stops");
      }
      return result;
    },
    async changeRuns(changes) {
      const results = await changeRuns({ table, cache }, changes);
      if (results.some((result) => result.kind === "applied" && result.decision.events.length > 0))
        wake.notify("outbox");
      return results;
    },
  };
}
