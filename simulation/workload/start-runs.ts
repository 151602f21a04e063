import type { Plan } from "#core/plan.ts";
import type { DefinitionStore } from "#ports/definition-store.ts";
import type { NewRun } from "#ports/new-run.ts";
import { createMemoryDefinitions } from "#store/memory/definition-store.ts";
import type { SimClient } from "../actors/sim-client.ts";
import type { SimDatabase } from "../database/sim-database.ts";
import type { FaultKind } from "../faults/fault-rates.ts";
import type { RandomStream } from "../world/random.ts";
import type { World } from "../world/world.ts";
import { withHooks } from "./hooks.ts";
import { randomPlan } from "./random-plan.ts";
import { makePool, withLimits } from "./limits.ts";
import { withWaitingTasks } from "./waiting-tasks.ts";

const lastStartMs = 1000;

/** Plans triggers of one to three runs with so many tasks together; answers whether all were asked for. */
export function startRuns(
  world: World,
  options: {
    readonly random: RandomStream;
    /** Decides which tasks wait without a worker. */
    readonly waits: RandomStream;
    /** Decides which tasks, and which runs, have hooks. */
    readonly hooks: RandomStream;
    /** Decides on limits, and how many runs meet them. */
    readonly limits: RandomStream;
    readonly database: SimDatabase;
    readonly client: SimClient;
    readonly faults: ReadonlySet<FaultKind>;
    readonly taskCount: number;
  },
): { readonly isStarted: () => boolean } {
  const { random, waits, hooks, limits, database, client, faults, taskCount } = options;
  const sizes = splitTasks(random, taskCount);
  let left = sizes.length;
  makePool(database, limits);
  const definitions = createMemoryDefinitions(database.state);
  sizes.forEach((size, place) => {
    const tasks = withWaitingTasks(randomPlan(random, size), waits);
    const { plan, runCount } = withLimits(withHooks(tasks, hooks), limits);
    const registering = register(definitions, `dag-${place}`, plan);
    const copies = faults.has("repeated_requests") && random.chance(0.5) ? 2 : 1;
    world.in(random.next() ** 3 * lastStartMs, () => {
      void registering.then((keys) => {
        left -= 1;
        for (let run = 0; run < runCount; run += 1) client.trigger(newRun(keys, place + run * sizes.length), copies);
      });
    });
  });
  return { isStarted: () => left === 0 };
}

function splitTasks(random: RandomStream, taskCount: number): readonly number[] {
  const first = random.chance(0.5) ? taskCount : 1 + random.below(taskCount);
  return first === taskCount ? [taskCount] : [first, taskCount - first];
}

/** A definition whose content is its plan. */
export async function register(
  definitions: DefinitionStore,
  dagId: string,
  plan: Plan,
): Promise<{ readonly dagKey: number; readonly versionKey: number }> {
  const content = { dagId, filePath: null, source: "api" as const, text: "", hash: dagId, definition: plan };
  await definitions.register({ ...content, description: "", owner: "", tags: [], schedule: null });
  const active = await definitions.getActive(dagId);
  if (active === null) throw new Error(`${dagId} was not registered`);
  return active;
}

export function newRun(
  { dagKey, versionKey }: { readonly dagKey: number; readonly versionKey: number },
  place: number,
): NewRun {
  return {
    dagKey,
    versionKey,
    runId: `run-${place}`,
    logicalAt: place,
    intervalStartAt: place,
    intervalEndAt: place,
    runType: "manual",
    triggeredBy: "simulation",
    externalTriggerId: `trigger-${place}`,
    note: "",
    parameters: {},
    warnings: [],
    traceparent: null,
    concurrencyKey: null,
    whenFull: "wait",
    replaceExisting: false,
    request: { caller: "simulation", id: `request-${place}`, bodyHash: "same" },
    leaderEpoch: null,
  };
}
