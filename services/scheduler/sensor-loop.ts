import { LRUCache } from "lru-cache";
import type { Definition } from "#definition/model.ts";
import type { SensorType } from "#definition/schema/sensor-definition.ts";
import { describeError } from "#errors/app-error.ts";
import type { Clock } from "#ports/clock.ts";
import type { LeftOutSensors, SensorRow } from "#ports/sensor-store.ts";
import type { Store } from "#ports/store.ts";
import type { SensorHost } from "#sensors/look.ts";
import type { Logger } from "#telemetry/logger.ts";
import { Pause } from "./pause.ts";
import { pollDueSensor } from "./poll-due-sensor.ts";
import { createSensorStates } from "./sensor-states.ts";

export interface SensorLoopOptions {
  readonly store: Store;
  /** What looks reach the world by. */
  readonly host: SensorHost;
  readonly clock: Clock;
  /** Null: it does not lead. */
  readonly epoch: () => number | null;
  /** Tells the ids of runs apart. */
  readonly createSuffix: () => string;
  readonly intervalMs: number;
  /** Looks of one type that are under way at once, at most. */
  readonly maxParallel: number;
  readonly logger: Logger;
}

export interface SensorLoop {
  /** Why the sensors could not be looked through; null: they could. */
  readonly error: string | null;
  /** Ends what is under way. */
  stop(): Promise<void>;
}

/**
 * Looks of one type that are under way at once, as far as the settings allow: what holds one type up holds no other. A
 * file system that hangs holds one of the process's few file threads for each look; listings and messages take memory.
 */
const maxLooks: Readonly<Record<SensorType, number>> = {
  file: 2,
  sql: Number.POSITIVE_INFINITY,
  http: Number.POSITIVE_INFINITY,
  s3: 4,
  dag: 4,
  kafka: 4,
};
const sensorTypes = Object.keys(maxLooks) as SensorType[];

/** Rounds are so far apart at least. */
const restMs = 50;

/** A look that a stop does not end in time is left behind: nothing of it is written. */
const stopMs = 5000;

const eventLifeMs = 30 * 86_400_000;
const sweepIntervalMs = 3_600_000;
const sweepLimit = 1000;
const maxDefinitions = 100;

/** Polls the sensors whose turn has come, while this scheduler leads: apart from schedules and from each other. */
export function startSensorLoop(options: SensorLoopOptions): SensorLoop {
  const { store, clock, intervalMs, logger } = options;
  const stopping = new AbortController();
  const pause = new Pause(clock);
  const unlisten = (["sensors", "definitions"] as const).map((topic) => store.wake.listen(topic, () => pause.wake()));
  const looks = new Looks(options, { signal: stopping.signal, onEnd: () => pause.wake() });
  let error: string | null = null;
  let sweptAt = Number.NEGATIVE_INFINITY;
  const round = async (epoch: number): Promise<number> => {
    await looks.start(epoch);
    if (clock.now() - sweptAt > sweepIntervalMs) {
      sweptAt = clock.now();
      await sweep(store);
    }
    return Math.min(intervalMs, (await store.sensors.nextDueInMs(looks.leftOut())) ?? intervalMs);
  };
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const epoch = options.epoch();
      let waitMs = intervalMs;
      try {
        if (epoch !== null) waitMs = await round(epoch);
        error = looks.error;
      } catch (thrown) {
        error = describeError(thrown);
        logger.warn({ err: thrown }, "could not look through the sensors, trying again");
      }
      const atLeastMs = error === null ? restMs : intervalMs;
      await pause.wait({ atLeastMs, atMostMs: Math.max(atLeastMs, waitMs) });
    }
  };
  const ended = run();
  return {
    get error() {
      return error;
    },
    async stop() {
      for (const end of unlisten) end();
      stopping.abort(new Error("the scheduler stops"));
      pause.end();
      await ended;
      await looks.ended(clock);
    },
  };
}

/** The looks that are under way. */
class Looks {
  readonly #options: SensorLoopOptions;
  readonly #signal: AbortSignal;
  readonly #onEnd: () => void;
  readonly #states: ReturnType<typeof createSensorStates>;
  readonly #readDefinition: (versionKey: number) => Promise<Definition>;
  readonly #busy = new Map<number, { readonly type: SensorType; readonly ended: Promise<void> }>();
  /** Why the store did not take what a look came to; null: it took all since the last round. */
  error: string | null = null;

  constructor(options: SensorLoopOptions, { signal, onEnd }: { signal: AbortSignal; onEnd: () => void }) {
    this.#options = options;
    this.#signal = signal;
    this.#onEnd = onEnd;
    this.#states = createSensorStates(options.store.sensors);
    this.#readDefinition = createDefinitions(options.store);
  }

  /** Begins those whose turn has come, as far as there is room for their types. */
  async start(epoch: number): Promise<void> {
    this.error = null;
    const limit = sensorTypes.reduce((sum, type) => sum + this.#roomOf(type), 0);
    const due = await this.#options.store.sensors.listDue({ limit, without: this.leftOut() });
    for (const sensor of due) {
      const type = typeOf(sensor);
      if (this.#hasRoom(type)) this.#begin(sensor, { type, epoch });
    }
  }

  /** Those under way, and types without room. */
  leftOut(): LeftOutSensors {
    const types = sensorTypes.filter((type) => !this.#hasRoom(type));
    return { keys: [...this.#busy.keys()], types };
  }

  /** All of them have ended, or it took too long. */
  async ended(clock: Clock): Promise<void> {
    const all = Promise.all([...this.#busy.values()].map(({ ended }) => ended));
    const late = Promise.withResolvers<undefined>();
    const timer = clock.after(stopMs, () => late.resolve(undefined));
    await Promise.race([all, late.promise]);
    timer.cancel();
  }

  #hasRoom(type: SensorType): boolean {
    return [...this.#busy.values()].filter((look) => look.type === type).length < this.#roomOf(type);
  }

  #roomOf(type: SensorType): number {
    return Math.min(maxLooks[type], this.#options.maxParallel);
  }

  #begin(sensor: SensorRow, { type, epoch }: { type: SensorType; epoch: number }): void {
    const { store, host, createSuffix, logger } = this.#options;
    const context = {
      store,
      epoch,
      host,
      states: this.#states,
      readDefinition: this.#readDefinition,
      createSuffix,
      logger,
    };
    const leftBehind: Promise<unknown>[] = [];
    const leaveBehind = (running: Promise<unknown>): void => void leftBehind.push(running);
    const ended = pollDueSensor(sensor, { ...context, signal: this.#signal, leaveBehind })
      .catch((thrown: unknown) => {
        this.error = describeError(thrown);
        const fields = { dag_id: sensor.dagId, sensor_id: sensor.sensorId, err: thrown };
        logger.warn(fields, "could not write how a sensor failed, it looks again");
      })
      .then(() => Promise.allSettled(leftBehind))
      .finally(() => {
        this.#busy.delete(sensor.sensorKey);
        this.#onEnd();
      });
    this.#busy.set(sensor.sensorKey, { type, ended: ended.then(() => undefined) });
  }
}

/** Versions are immutable, so what was read is kept. */
function createDefinitions(store: Store): (versionKey: number) => Promise<Definition> {
  const kept = new LRUCache<number, Definition>({ max: maxDefinitions });
  return async (versionKey) => {
    const known = kept.get(versionKey);
    if (known !== undefined) return known;
    const version = await store.definitions.getVersion(versionKey);
    if (version === null) throw new Error(`there is no version with key ${versionKey}`);
    const definition = version.definition as Definition;
    kept.set(versionKey, definition);
    return definition;
  };
}

async function sweep(store: Store): Promise<void> {
  const before = Math.floor(store.now()) - eventLifeMs;
  while ((await store.sensors.dropEvents({ before, limit: sweepLimit })) === sweepLimit);
}

function typeOf({ definition }: SensorRow): SensorType {
  return (definition as { readonly type: SensorType }).type;
}
