import type { Plan } from "#core/plan.ts";
import type { Store } from "#ports/store.ts";
import { createMemoryDefinitions } from "./definition-store.ts";
import { createMemoryEvents } from "./event-log.ts";
import { createMemoryLeases } from "./lease-store.ts";
import { createMemoryLogs } from "./log-store.ts";
import { MemoryState } from "./memory-state.ts";
import { createMemoryQueries } from "./queries.ts";
import { createMemoryRuns } from "./run-store.ts";
import { createMemoryWorkers } from "./worker-store.ts";

/**
 * All state in this process, gone with it. Every operation is one step that nothing interrupts, and refuses what the
 * database would refuse. `clock` gives milliseconds since 1970; a simulator brings its own.
 */
export function createMemoryStore(options: { toPlan: (definition: unknown) => Plan; clock?: () => number }): Store {
  const now = options.clock ?? (() => Math.floor(performance.timeOrigin + performance.now()));
  const state = new MemoryState({ now, toPlan: options.toPlan });
  return {
    definitions: createMemoryDefinitions(state),
    runs: createMemoryRuns(state),
    workers: createMemoryWorkers(state),
    leases: createMemoryLeases(state),
    events: createMemoryEvents(state),
    logs: createMemoryLogs(state),
    queries: createMemoryQueries(state),
    wake: state.wake,
    now,
    close: async () => state.wake.close(),
  };
}
