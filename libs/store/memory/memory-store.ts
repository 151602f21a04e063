import type { Plan } from "#core/plan.ts";
import type { Store } from "#ports/store.ts";
import { createMemoryArtifacts } from "./artifact-catalog.ts";
import { createMemoryBackfills } from "./backfill-store.ts";
import { createMemoryConsistency } from "./consistency-store.ts";
import { createMemoryDeadLetters } from "./dead-letter-store.ts";
import { createMemoryDefinitions } from "./definition-store.ts";
import { createMemoryEvents } from "./event-log.ts";
import { createMemoryLeases } from "./lease-store.ts";
import { createMemoryLimits } from "./limit-store.ts";
import { createMemoryLogs } from "./log-store.ts";
import { MemoryState } from "./memory-state.ts";
import { createMemoryQueries } from "./queries.ts";
import { createMemoryRetention } from "./retention-store.ts";
import { createMemoryRuns } from "./run-store.ts";
import { createMemorySensors } from "./sensor-store.ts";
import { createMemoryTemplates } from "./template-store.ts";
import { createMemoryWaits } from "./wait-store.ts";
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
    templates: createMemoryTemplates(state),
    runs: createMemoryRuns(state),
    workers: createMemoryWorkers(state),
    leases: createMemoryLeases(state),
    backfills: createMemoryBackfills(state),
    sensors: createMemorySensors(state),
    events: createMemoryEvents(state),
    limits: createMemoryLimits(state),
    logs: createMemoryLogs(state),
    artifacts: createMemoryArtifacts(state),
    deadLetters: createMemoryDeadLetters(state),
    queries: createMemoryQueries(state),
    consistency: createMemoryConsistency(state),
    waits: createMemoryWaits(state),
    retention: createMemoryRetention(state),
    wake: state.wake,
    breakers: [],
    now,
    close: async () => state.wake.close(),
  };
}
