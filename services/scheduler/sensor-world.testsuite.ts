import fc from "fast-check";
import { emptyDefinition } from "#definition/empty-definition.testsuite.ts";
import type { Definition } from "#definition/model.ts";
import { planOf } from "#definition/plan-of.ts";
import type { SensorDefinition } from "#definition/schema/sensor-definition.ts";
import type { PollRecord } from "#ports/sensor-store.ts";
import type { SensorView } from "#ports/sensor-views.ts";
import type { Store } from "#ports/store.ts";
import type { SensorHost } from "#sensors/look.ts";
import { createClockedStore } from "#testing/clocked-store.ts";
import { pollDueSensor } from "./poll-due-sensor.ts";
import { randomSuffix } from "./run-id.ts";
import { registerDefinition, silentLogger } from "./scheduler-harness.testsuite.ts";
import { createSensorTestHost, createTestFolder } from "./sensor-harness.testsuite.ts";
import { createSensorStates } from "./sensor-states.ts";

const toPlan = (definition: unknown) => planOf(definition as Definition);
const holder = { name: "scheduler", ttlMs: 3_600_000_000 };

export interface SensorWorld {
  readonly store: Store;
  readonly folder: string;
  readonly advance: (ms: number) => void;
  /** One look of a new leader, if the sensor's turn has come. */
  readonly look: (changes?: { store?: Store; host?: SensorHost }) => Promise<void>;
  readonly view: () => Promise<SensorView | null>;
}

/**
 * A store with the definition `etl` and its one sensor; by default one of files in `folder`. Each look is that of a new
 * leader, a second after the last.
 */
export async function openSensorWorld(
  sensorOf: (folder: string) => SensorDefinition,
  { settings = {}, ...lent }: Partial<SensorHost> & { settings?: Partial<Definition> } = {},
): Promise<SensorWorld> {
  const { store, advance } = createClockedStore(toPlan);
  const folder = createTestFolder();
  const sensor = sensorOf(folder);
  await registerDefinition(store, emptyDefinition("etl", { sensors: [sensor], ...settings }));
  const host = { ...createSensorTestHost(folder), ...lent };
  let leaders = 0;
  return {
    store,
    folder,
    advance,
    async look(given = {}) {
      leaders += 1;
      const lease = await store.leases.acquire({ ...holder, holder: `leader ${leaders}` });
      const used = given.store ?? store;
      const [sensor] = await store.sensors.listDue({ limit: 1, without: { keys: [], types: [] } });
      try {
        if (sensor !== undefined) {
          await pollDueSensor(sensor, {
            store: used,
            epoch: lease?.epoch ?? 0,
            host: given.host ?? host,
            states: createSensorStates(used.sensors),
            readDefinition: async (versionKey) =>
              (await store.definitions.getVersion(versionKey))?.definition as Definition,
            createSuffix: randomSuffix,
            logger: silentLogger,
            signal: new AbortController().signal,
            leaveBehind: () => undefined,
          });
        }
      } finally {
        await store.leases.release({ name: holder.name, holder: `leader ${leaders}` });
        advance(1000);
      }
    },
    view: () => store.sensors.get("etl", sensor.id),
  };
}

/** What happens to a leader at one of its writes. `late`: it stands still before it, and writes under the next leader. */
export type Fate = "fine" | "dies before" | "dies after" | "late";
class Crash extends Error {}

/** One in each list for every write, in their order; behind the list all is fine. */
export const anyFates = (maxLength: number): fc.Arbitrary<readonly Fate[]> =>
  fc.array(fc.constantFrom<Fate>("fine", "fine", "dies before", "dies after", "late"), { maxLength });

/** Looks so often, a minute apart, while leaders meet these fates. */
export async function lookWithFates(world: SensorWorld, fates: readonly Fate[], turns: number): Promise<void> {
  const left = [...fates];
  const late: (() => Promise<unknown>)[] = [];
  const store = fatedStore(
    world.store,
    () => left.shift() ?? "fine",
    (write) => late.push(write),
  );
  for (let turn = 0; turn < turns; turn += 1) {
    const overdue = late.splice(0);
    await world.look({ store }).catch((thrown: unknown) => {
      if (!(thrown instanceof Crash)) throw thrown;
    });
    for (const write of overdue) await write();
    world.advance(60_000);
  }
}

function fatedStore(store: Store, next: () => Fate, postpone: (write: () => Promise<unknown>) => void): Store {
  const fated =
    <A extends unknown[], R>(write: (...given: A) => Promise<R>) =>
    async (...given: A): Promise<R> => {
      const fate = next();
      if (fate === "late") postpone(() => write(...given));
      if (fate === "late" || fate === "dies before") throw new Crash();
      const result = await write(...given);
      if (fate === "dies after") throw new Crash();
      return result;
    };
  const sensors = {
    ...store.sensors,
    record: fated((poll: PollRecord, epoch: number) => store.sensors.record(poll, epoch)),
  };
  return { ...store, sensors, runs: { ...store.runs, createRun: fated((run) => store.runs.createRun(run)) } };
}
